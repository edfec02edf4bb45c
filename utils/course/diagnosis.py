"""From what a candidate did to the mistake that makes exactly these numbers: one Diagnosis.

Three witnesses are heard, the most exact first. Planted mistakes (tests/mutants/) were run against the same tests, and
`signatures.json` in the topic keeps fingerprints of what each computed: whoever computes the same has the same mistake.
Then known mistakes of engines are tried out on the programs that failed (suspects.py). Then general rules about signs,
zeros and exceptions speak, and relations.py compares the wrong numbers with the right ones. Where all are silent the
diagnosis is honestly `unknown`.
"""

import ast
import difflib
import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from utils.course import contract, mishaps, relations, running, suspects
from utils.course.catalog import catalog

# Of the tests that a planted mistake fails, how many must show its fingerprint: to be named, and where nothing else is.
ENOUGH, SOME = 0.8, 0.4
PROBING = 3.0  # seconds for asking the operations of a file alone; it takes a tenth

SENTENCES = {
    "not-written": ("`{name}` is not written yet.", "Write `{name}` in {file}; for a first idea: {hint}"),
    "owned": ("{message}: this is not written in {there}, which is your engine here.",
              "Write it there. Or borrow the finished one for now: python3 learn.py skip {borrow}"),
    "misspelled": ("`{name}` is not there, but `{near}` is.", "Rename `{near}` to `{short}`, as Python asks for it."),
    "accumulate": ("A gradient that arrives a second time seems to replace the first one.",
                   "Look for `=` where `+=` is needed: contributions from different uses add up."),
    "chain": ("The local derivative seems to arrive without the upstream gradient.",
              "Multiply the local derivative by the gradient of the result."),
    "local": ("The local derivative is not the slope of this operation.",
              "Nudge the input by a little, see how far the result moves, and compare."),
    "sign": ("The number has the right size and the wrong sign.",
             "Look at the order of the operands, and at the sign of the local derivative."),
    "links": ("No gradient arrives where one should.",
              "Does the result of every operation know its parents, and does backward reach them?"),
    "topo": ("A value seems to pass its gradient on before all of it has arrived, or more than once.",
             "List the values so that each stands before its parents; then let each pass on once."),
    "seed": ("The walk back does not start with 1 at the output.",
             "Before anything else, `backward` sets the output's own gradient to 1."),
    "hidden": ("Something in your file is stored under the name `backward`, and hides the method of that name.",
               "Give the stored function another name, such as `_backward`."),
    "reflected": ("With a plain number on the left, Python asks `{short}`, and its answer is off.",
                  "Compute the small example by hand: on which side of the sign does the Value stand?"),
    "constant": ("A plain number as operand is not treated as it should be.",
                 "Turn a plain number into a Value at the start of the operation."),
    "identity": ("Two values with equal numbers seem to be taken for one.",
                 "Compare values with `is`, and remember the values themselves, not their numbers."),
    "state": ("Something is left over from an earlier graph or an earlier backward.",
              "Look for a list, set or dict that is made once and not at each call."),
    "inplace": ("An operation has changed a value that was there before it.",
                "Make a new Value for the result, and leave `.data` and `.grad` of the operands alone."),
    "forward": ("The number itself differs, before any gradient.",
                "Compute this small example by hand, then compare with your code."),
    "overflow": ("A number became too large for a float.", "Rewrite the formula so that no intermediate overflows."),
    "not-a-number": ("nan is no number: it comes from 0/0, 0 * inf, inf - inf, or a root or log of something negative.",
                     "Print the steps on the way: which is the first that is not finite?"),
    "late": ("A function made in a loop reads its names when it runs, not when it is made.",
             "Bind what the function needs as a default argument, or write it without a loop."),
    "cost": ("The numbers are right, but the work grows much faster than the graph.",
             "Visit each value once, and keep the visited ones in a set, not in a list."),
    "memory": ("The graph takes more room than it needs, or does not go away.",
               "Look for circles of references and for lists that keep values alive."),
    "recursion": ("Python's recursion limit was reached on a long chain.",
                  "A function calls itself once for each value in a row; walk with a list and a loop instead."),
    "itself": ("`{short}` ends up calling itself without end.",
               "Look at {place}: compute with `.data` there, or turn the plain number into a Value first."),
    "endless-rule": ("`{short}` ends up calling itself without end, at {place}.",
                     "A rule gets arrays, and `@operation` stands above it; of tensors its `*` or `+` calls it again."),
    "missing-return": ("Something gives back None where a Value is needed.",
                       "Every operation ends with `return` and the new Value; look at {place}."),
    "early": ("The `return` at {place} stands inside the loop, which so ends in its first turn.",
              "Indent it like the `for`, so that it comes after the last turn."),
    "called": ("Something is called where it should be stored, and gives back None.",
               "Look at {place} and at where that attribute is set: store the function without parentheses."),
    "domain": ("A formula is computed at a point where it is not defined.",
               "Look at {place}: is there a form of the derivative that needs no logarithm and no division here?"),
    "refused": ("Your own check at {place} refuses a number that should be taken.",
                "Let int and float through, whatever their size and sign."),
    "kind": ("Something that is not a plain number stands where a number belongs.",
             "Keep plain numbers in `.data` and `.grad`; wrap them in a Value only as the result of an operation."),
    "unhashable": ("A class that defines `__eq__` loses its hash, so its objects cannot be put into a set.",
                   "Leave `__eq__` out: a Value is equal to itself only."),
    "contract": ("`{short}` does not take the arguments it is called with.", "Give it the arguments of the skeleton."),
    "endless": ("The test of `{name}` did not come to an end within {patience:g} seconds.",
                "Look at {place}: what would make this loop stop?"),
    "slow": ("The test of `{name}` did not come to an end within {patience:g} seconds: it counts the work of backward.",
             "Visit each value once: remember whom you visited, and pass gradients on once."),
    "died": ("Python stopped in the middle of the test, without a word.",
             "Remove exit(), quit() or os._exit() from your file; if there is none, ask for help with this screen."),
    "exit": ("Your code ends Python with exit().", "Remove exit() and quit() from your file: a test goes on after it."),
    "raised": ("Your code raised {raised} at {place}.", "{advice}"),
    "unusable": ("`{name}` gives back {kind}; what is asked for is {message}.",
                 "Compare its last line, `return`, with what the skeleton promises."),
    "no-entry": ("What `{name}` gives back has no entry {missing}.",
                 "Put it in under exactly this name; the skeleton lists them all."),
    "gap": ("The gap {missing} from the text is still there.", "Write in its place what is missing."),
    "on-self": ("`{missing}` alone is no name here; your class keeps it on `self`.", "Write `self.{missing}`."),
    "of-numpy": ("`{missing}` alone is no name here; it belongs to NumPy.", "Write `np.{missing}`."),
    "selfless": ("`{short}` has no `self`, and Python hands the object over as the first argument.",
                 "Write `self` first: `def {short}(self, ...)`."),
    "loops": ("`{missing}` is used at {place} before its own `for` makes it.",
              "In a comprehension the outer loop stands first: [x for row in rows for x in row]."),
    "thrown": ("What line {line} computes is thrown away: nothing keeps it.",
               "Write `return` before it, or give the result a name."),
    "typo": ("`{missing}` at {place} is no name, but `{near}` is.", "Correct the spelling."),
    "off-self": ("`{missing}` is set, but not on `self`: when the method ends it is gone.",
                 "Write `self.{missing} = ...` where it is made."),
    "handed-over": ("`{inner}` refuses what line {line} hands over to it.",
                    "Print that right before line {line}: which index, number or shape is not the one you mean?"),
    "never-set": ("`self.{missing}` is asked for at {place}, and nothing sets it.",
                  "Use one name in both places: `{owner}` sets {near}."),
    "argument": ("`self.{missing}` is asked for at {place}; `{missing}` is an argument of `{short}`.",
                 "Write `{missing}` without `self`."),
    "no-value": ("On the way that ran, `{missing}` never gets a value before {place}.",
              "Look at each `if` above that line: which case sets `{missing}`, and which does not?"),
    "none-given": ("`{missing}` is None at {place}: nobody gave one, and None is what the skeleton takes then.",
                   "Ask `if {missing} is None` first, and make one."),
    "one-number": ("At {place} a function takes one number, and an array is given.",
                   "Use NumPy's function, such as np.sqrt; or add the entries up first, with .sum()."),
    "power": ("`^` is no power in Python.", "Write `**`."),
    "list-as-array": ("At {place} a list stands where one number or array belongs: lists have no arithmetic.",
                      "Go through the list, one entry after the other; NumPy's arrays can do it at once."),
    "own-check": ("Your own check at {place} refuses these shapes.",
                  "Print them right before it: is the check wrong, or have they gone wrong earlier?"),
    "no-return": ("`{short}` has no `return` with a result, so it gives back None.",
                  "End it with `return` and the result.{printed}"),
    "array-for-number": ("An array comes back where one number is asked for.",
                         "Is a sum or a mean missing at the end, or does one have an `axis` too much?"),
    "list-for-array": ("The numbers are right, but they stand in a list; an array is asked for.",
                       "Make an array of it, np.array(...), or leave out .tolist()."),
    "list-for-number": ("{Kind} comes back where one number is asked for.",
                        "Compare its last line, `return`, with what the skeleton promises, and in which order."),
    "alias": ("Two names stand for one array in memory: what changes one of them changes the other.",
              "Copy what arrives, unless nobody else can see it."),
    "read-only": ("At {place} something is written into an array that shows somebody else's numbers.",
                  "Make a new array, or copy what arrived before you add to it."),
    "misfit": ("Two arrays, or an array and a shape, do not fit together at {place}{sizes}.",
               "Print their shapes right before this line; which axis is too much, too few, or elsewhere?"),
    "unbroadcast": ("A gradient has not been brought back to the shape of what it belongs to.",
                    "Sum over every axis that was put in front or stretched; keep those of length 1."),
    "transpose": ("Two axes have changed places on the way back.",
                  "Write the shapes of both factors beside each other; only one order of them fits."),
    "dtype": ("Numbers have become numbers of another dtype on the way.",
              "Print .dtype step by step, and cast what arrives to the dtype of where it belongs."),
    "silent": ("What should be refused passes without a word.",
               "Ask first, and raise the exception that the skeleton names."),
    "shape": ("The result of `{name}` has another shape than it should.",
              "Print the shapes on the way, one after the other: {hint}"),
    "unset": ("A `{owner}` has no `{missing}`: its `__init__` sets no attribute of this name.",
              "Set `self.{missing}` there, spelled exactly so."),
    "unset-above": ("A `{owner}` has no `{missing}`: its `__init__` neither sets it nor calls that of its class above.",
                    "Call super().__init__(...) there, or set `self.{missing}`."),
    "needed": ("`{inner}` is not written yet, and the test of `{name}` comes to it.",
               "Does a Tensor stand where an array or a tuple belongs? Otherwise write `{inner}` first."),
    "other-exception": ("{got} is raised where {expected} is asked for.",
                        "Raise {expected}; look at the order of your checks, too."),
    "over-careful": ("{got} is raised, and nothing is wrong here.",
                     "What does your own check take for a mistake in this case? Compare it with the skeleton."),
    "wordless": ("The message of the exception does not say what a reader needs.",
                 "Name {wanted} in it, and keep the words that were there."),
    "unreached": ("Nothing has arrived at `{what}`: it is None after the walk.",
                  "Does the result know its parents and require gradients, and does `backward` write `.grad`?"),
    "cut-off": ("Nothing has arrived at `{what}`: no way leads back to it.",
                "Compute with the tensors themselves; a new Tensor made of `.data` has forgotten its parents."),
    "comma": ("An array is taken apart row by row where a tuple is meant: `(x)` lacks its comma.",
              "Look at line {line}: one gradient is `(gradient,)`, one vjp is `(lambda g: ...,)`."),
    "flag": ("`requires_grad` is True or False, and here is something else.",
             "Are the arguments of `Tensor(...)` in the order of its `__init__`?"),
    "untransposed": ("The axes of the result stand in the reverse order.",
                     "Is a `.T` or a swap missing, or one too many? Write the shapes of all factors down."),
    "sizes": ("The shape of {what} is {got}; it should be {expected}.",
              "Print the shapes on the way, one after the other: {hint}"),
    "turned": ("The shape of {what} is {got}: the two sizes of {expected} have changed places.",
               "Look at the order of the two factors, or of the two sizes."),
    "one-axis-less": ("The shape of {what} is {got}: an axis of length 1 is lost; it should be {expected}.",
                      "With keepdims=True a summed axis stays, of size 1; elsewhere write the 1 into the shape."),
    "answer": ("The answer does not have the form that is asked for.", "Write it as the skeleton shows it."),
    "place": ("The mistake is in another line; where a wrong number shows is seldom where it is made.",
              "Go back from the wrong number: which of the numbers it is made of is wrong already?"),
    "misnamed": ("The line is right, and its mistake has another name.",
                 "Say what the line does and what it should do; then read the pages of the kinds that are offered."),
    "unmended": ("The line and the kind are right, but the file in workspace/hunt/ is not mended yet.",
                 "Change that line, save, and check again."),
    "at-large": ("Some engines of your line-up compute all your expressions rightly.",
                 "Ask what no probe has used so far: {hint}"),
    "convention": ("One of the two answers to a statement is not PyTorch's, or not the verdict.",
                   "Ask whether mathematics leaves a choice there; then let PyTorch compute it."),
    "factor": ("{numbers} {relation} what it should be.",
               "Which factor or count makes that: one that is missing, or one that is there twice?"),
    "shifted": ("{numbers} {relation}.", "What is added or left out that is always as much?"),
    "made": ("{numbers} {relation} what it should be.",
             "Look at the last step: is it missing, done twice, or done the other way round?"),
    "zeros": ("{numbers} 0.",
              "Print what goes into the line that makes it: what is 0 there already, or never gets a number?"),
    "exchanged": ("`{what}` is what `{other}` should be, and the other way round.",
                  "Give both back in the order that the skeleton promises."),
    "uncalled": ("`{name}` gives back a method or a function itself, and not what it computes.",
                 "Call it: write the parentheses after its name."),
    "no-object": ("{kind} comes back from `{name}`, where {owner} is asked for.", "{advice}"),
    "so-many": ("`{name}` gives back {sizes} things than the {missing} that are asked for.",
                "Compare its `return` with the skeleton: which of them belong together in a list?"),
    "sum-of-lists": ("`sum` at {place} starts at the number 0, and a list cannot be added to a number.",
                     "Flatten it with two loops: [x for row in rows for x in row]."),
    "partly": ("In this example {held}, and {wrong} is not. The test: {asked}.",
               "Only the lines that make {wrong} matter now: go through them by hand, with these numbers."),
    "unknown": ("What came fits no mistake that we know. The test: {asked}.",
                "Compute this small example by hand, gradient by gradient: {hint}"),
}  # fmt: skip
# The same, where the name is none of the scalar engine's: arrays and functions, no Values and no graph.
ELSEWHERE = {
    "constant": ("A number that is given is not used as it should be.",
                 "Look for a number written into the code where an argument belongs."),
    "state": ("Something is left over from an earlier call.",
              "Look for a list, dict or array that is made once and not at each call."),
    "inplace": ("Something that was given has been changed.",
                "Make a new array or list for the result, and leave what was given as it is."),
    "forward": ("The number itself differs.", "Compute this small example by hand, then compare with your code."),
    "overflow": ("A number became infinite: too large for a float, or divided by 0.",
                 "Print what goes into each division and each exp; rewrite the formula so that none runs away."),
    "cost": ("The numbers are right, but the work grows much faster than it should.",
             "Look for a loop inside a loop, and for what is computed again and again."),
    "slow": ("The test of `{name}` did not come to an end within {patience:g} seconds: it counts the work.",
             "Look for a loop inside a loop, and for what is computed again and again."),
    "memory": ("The numbers are right, but more memory is held than they need.",
               "Look for arrays that are copied, kept for later, or larger than the result."),
    "recursion": ("Python's recursion limit was reached.",
                  "A function calls itself once for each step; walk with a list and a loop instead."),
    "itself": ("`{short}` ends up calling itself without end.", "Look at {place}: which call leads back to it?"),
    "missing-return": ("Something gives back None where a result is needed.",
                       "Every way through the function ends with `return`; look at {place}."),
    "refused": ("Your own check at {place} raises, though nothing is wrong with what was given.",
                "Print what it compares, right before it: is the check wrong, or has something gone wrong earlier?"),
    "sign": ("The number has the right size and the wrong sign.",
             "Look at every minus: at the order of each difference, and at one in front of the whole."),
    "domain": ("A logarithm, a root or a division gets a number for which it is not defined.",
               "Print what goes into {place}: are two arguments exchanged, or is something exactly 0 or 1?"),
    "kind": ("Something of another kind stands where a number or an array belongs.",
             "Look at {place}, and print the type of what is computed there."),
    "unhashable": ("A class that defines `__eq__` loses its hash, so its objects cannot be put into a set.",
                   "Leave `__eq__` out: an object is then equal to itself only."),
    "unknown": ("What came fits no mistake that we know. The test: {asked}.",
                "Go through this small example by hand, one step after the other: {hint}"),
}  # fmt: skip

# Where a sentence above has an occasion of its own, the diagnosis it belongs to.
BELONGS_TO = {
    "early": "missing-return", "thrown": "missing-return", "selfless": "contract",
    "loops": "raised", "list-for-array": "kind", "factor": "scale", "shifted": "offset", "made": "forward",
    "zeros": "forward", "exchanged": "order", "uncalled": "kind", "no-object": "kind",
    "so-many": "answer", "partly": "unknown", "sum-of-lists": "raised",
    "owned": "not-written",
    "misspelled": "not-written", "exit": "died", "itself": "reflected", "endless-rule": "recursion",
    "unhashable": "identity", "slow": "cost",
    "not-a-number": "nan", "unset": "contract", "unset-above": "contract", "needed": "not-written",
    "other-exception": "contract", "wordless": "contract", "over-careful": "constant", "unreached": "links",
    "cut-off": "links", "comma": "links", "flag": "contract", "untransposed": "transpose",
    "hidden": "seed", "called": "links", "domain": "local", "refused": "constant", "misfit": "shape",
    "read-only": "alias",
    "own-check": "shape", "no-return": "missing-return", "none-given": "raised", "array-for-number": "kind",
    "list-for-number": "kind", "sizes": "shape", "turned": "shape", "one-axis-less": "shape",
} | dict.fromkeys(
    ("handed-over", "never-set", "unusable", "no-entry", "gap", "on-self", "of-numpy", "typo", "off-self", "argument",
     "no-value", "one-number", "power", "list-as-array"), "raised")  # fmt: skip

# What a suspect of suspects.py has done, in words; where there is none, the words of its diagnosis.
DEEDS = {
    "overwrites": ("{operation} seems to replace the gradient that has already arrived{side}.",
                   "In {operation}, look for `=` where `+=` is needed."),
    "keeps the first": ("{operation} seems to keep the first gradient that arrives and to drop the later ones.",
                        "In {operation}, add every gradient that arrives."),
    "equal numbers are one": ("Where both operands have the same number, {operation} takes them for one value.",
                              "In {operation}, drop the special case, or ask with `is` whether it is the same value."),
    "equal numbers lead nowhere": ("Where both operands have the same number, nothing leads back from {operation}.",
                                   "In {operation}, drop the special case: equal numbers have slopes too."),
    "attached to its operand": ("The way back of {operation} seems to be stored on its operand.",
                                "In {operation}, store it on the Value that you return."),
    "each path overwrites": ("What arrives on one path replaces what arrived on another.",
                             "Where a gradient arrives, write `+=`: the paths add up."),
    "the first path counts": ("Only the first gradient that arrives is kept.",
                              "Where a gradient arrives, write `+=`: the paths add up."),
    "without upstream": ("{operation} seems to hand on its local derivative without the upstream gradient{side}.",
                         "In {operation}, multiply by the gradient of the result."),
    "upstream added": ("{operation} seems to add upstream and local derivative; along a path they are multiplied.",
                       "In {operation}, multiply the two."),
    "number as upstream": ("{operation} seems to multiply by the number of its result, not by its gradient{side}.",
                           "In {operation}, multiply the local derivative by the gradient of the result."),
    "with upstream": ("{operation} is right where upstream is 1, and wrong where it is another number{side}.",
                      "In {operation}, the way back is the local derivative times upstream, and nothing else."),
    "without local": ("{operation} seems to hand upstream on unchanged, without its local derivative{side}.",
                      "In {operation}, multiply upstream by the local derivative."),
    "negated": ("{operation} hands on the right amount with the wrong sign{side}.",
                "In {operation}, look at the sign of the local derivative."),
    "swapped": ("{operation} seems to give each parent the local derivative of the other.",
                "In {operation}, ask for each parent alone: how does the result move when it is nudged?"),
    "another formula": ("{operation} hands upstream on rightly, but its local derivative is not its slope.",
                        "Nudge the input of {operation} by a little and see how far the result moves."),
    "serves no parent": ("{operation} does not give its parent a gradient{side}.",
                         "Is the way back of {operation} attached to the very Value that it returns?"),
    "knows no parent": ("The result of {operation} does not know its parents, so the walk stops there{side}.",
                        "Hand the operands of {operation} to the new Value as its parents."),
    "leads nowhere": ("Nothing leads back from the result of {operation}{side}.",
                      "Give the result of {operation} its parents and its way back."),
    "everybody starts with 1": ("Every value starts with gradient 1; only the output does.",
                                "In `backward`, set 1 for the output alone, and start all others at 0."),
    "output only": ("Only the output passes its gradient on; its parents do not.",
                    "In `backward`, let every value of the graph pass its gradient on."),
    "two generations": ("The walk ends after two generations.", "In `backward`, go on until the leaves are reached."),
    "first parent only": ("The walk follows only the first parent of each value.",
                          "In `backward`, visit every parent."),
    "breadth first": ("The walk goes level by level, so a value passes on before its last user has served it.",
                      "In `backward`, list a value after its parents, then go through the list in reverse."),
    "parents last": ("A value stands on the list before its parents were visited, so it can come too early.",
                     "In `backward`, append a value after its parents, then go through the list in reverse."),
    "stack": ("A value is served as it comes from the stack, before its last user has served it.",
              "In `backward`, list a value after its parents, then go through the list in reverse."),
    "leaves first": ("Only the output's own parents receive a gradient: the walk goes the wrong way, or ends at once.",
                     "In `backward`, print the order of the values: the output comes first, the leaves come last."),
    "lost": ("Of several gradients that arrive at one value, some are lost.",
             "Look for `=` where `+=` is needed: contributions from different uses add up."),
    "too early": ("A value passes its gradient on before all of it has arrived.",
                  "In `backward`, let a value pass on only after the last of its users."),
    "counted again": ("Parts of a gradient are passed on more than once.",
                      "In `backward`, let each value pass its whole gradient on exactly once."),
    "twice": ("A value that is reached twice passes its gradient on twice.",
              "In `backward`, remember whom you visited, and list each value once."),
    "at once": ("Values pass on as soon as they are reached, so a shared one passes parts of its gradient on twice.",
                "In `backward`, make the whole list first; then let each value pass on once."),
    "at once, never again": ("A value passes on at its first visit, before its other users have served it.",
                             "In `backward`, make the whole list first; then let each value pass on once."),
    "total passed on": ("Each time something arrives, a value passes on all that it has, the earlier parts again.",
                        "Pass on only what has just arrived, or wait until everything has."),
    "keyed by parent": ("Where one value is both parents, only one of the two derivatives is kept.",
                        "Keep (parent, derivative) pairs in a list; in a dict the second erases the first."),
}  # fmt: skip
DEEDS |= {"queue twice": DEEDS["twice"], "stack twice": DEEDS["twice"]}

METHODS = {"+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "**": "__pow__", "neg": "__neg__",
           "number +": "__radd__", "number -": "__rsub__", "number *": "__rmul__", "number /": "__rtruediv__",
           "number **": "__rpow__"}  # fmt: skip
OPERATION_NAMES = {"neg": "negation", "every": "every operation", "+": "`+`"}

# Calls that change nothing, so that a line with nothing else in it is a line without an effect.
THROWN = r"rng\.(uniform|normal|standard_normal|integers|permutation)|(np|math)\.(abs|exp|log|sqrt|sum|mean|tanh)"
# Names that are often written without their `np.`.
NUMPY = set("arange argmax array clip dot empty exp log maximum mean minimum ones random sqrt tanh where zeros".split())
# One thing to do about an exception; for any other: read its message, which stands above.
ADVICE = {
    "NameError": "Correct the spelling of the name, or import what it belongs to at the top of the file.",
    "ModuleNotFoundError": "Correct the spelling, or remove the import: nothing beyond requirements.txt is needed.",
    "AttributeError": "Correct the spelling after the dot, or give the object this attribute before it is asked for.",
    "OSError": "Remove input(): the numbers come as arguments. For experiments, use a file of their own.",
}


@dataclass(frozen=True)
class Diagnosis:
    """One mistake, in words: what was seen, the likely cause, one thing to do next."""

    id: str
    name: str  # the skeleton's name it is about
    cause: str
    action: str
    certain: bool = False  # True where a planted mistake computes exactly these numbers


def diagnose(topic, run, row, path):
    """The Diagnosis for the first failing row of a run; for a run that ended early, of its ending."""
    found = _diagnosed(topic, run, row, path)
    if "class Tensor" in topic.skeleton.read_text(encoding="utf-8"):  # the general sentences speak of Topic 02's Value
        cause, action = (re.sub(r"\bValue\b", "Tensor", text) for text in (found.cause, found.action))
        found = replace(found, cause=cause, action=action)
    if found.certain:
        return found
    vague = ("unknown", "forward", "scale", "offset", "shape", "raised", "constant")
    early = _early_return(found.name, path) if found.id in vague else 0
    if early:
        return _say("early", {"name": found.name, "place": _place(early, found.name)})
    thrown = _thrown_away(found.name, path) if found.id in ("unknown", "forward", "scale", "offset", "constant") else 0
    return found if not thrown else _say("thrown", {"name": found.name, "line": thrown})


def _diagnosed(topic, run, row, path):
    name = row["about"] if row else (run.running or {}).get("about", "")
    facts = {"name": name, "short": name.split(".")[-1], "file": path.name, "hint": "python3 learn.py hint",
             "names": topic.names_upto(4), "patience": run.patience,
             "place": _place(run.line, name), "raised": "", "message": "", "sizes": "",
             "numbers": "Every number that differs is",
             "asked": row.get("sentence", "") if row else ""}  # fmt: skip
    if run.ending == "timeout":
        return _say("slow" if "cost" in run.running["test"] else "endless", facts)
    if run.ending == "died":
        return _say("died", facts)
    facts |= {"place": _place(row["line"], name, row["file"], path), "raised": row["raised"],
              "message": row["message"].splitlines()[0] if row["message"] else ""}  # fmt: skip
    facts["advice"] = ADVICE.get(row["raised"], "Read the message above, and look at {place}.").format(**facts)
    known = _that_look_like(known_mistakes(topic), path)
    mistake = _planted(known, run.rows, row, ENOUGH) or _planted(
        known, run.rows, row, ENOUGH, _later(topic, run.rows, row)
    )
    if mistake:
        return _name(mistake, facts, certain=True)
    raised = _by_exception(row, path, facts)
    if isinstance(raised, tuple):  # in words of its own
        return Diagnosis(raised[0], facts["name"], *raised[1:])
    if raised:
        return _say(raised, facts)
    if _first_wrong(row)["aim"] == "gradient":
        suspect = suspects.guilty(row, run.rows, lambda instances: _asked_alone(path, instances))
        if suspect:
            return _accuse(topic, suspect, facts, _code(path))
    mistake = _planted(known, run.rows, row, SOME)
    if not mistake and not name.startswith("Value"):  # of Values, each operation has been asked alone just now
        mistake = _planted(known, run.rows, row, SOME, alone=True)
    if mistake:
        return _name(mistake, facts)
    key = _of_arrays(_first_wrong(row), row, path, facts) if not name.startswith("Value") else ""
    key = key or _by_numbers(row, run.rows, facts)
    if not name.startswith("Value"):
        if key == "links" and not _makes_graphs(name, path):
            key = "zeros"
        related = relations.of(row) if key in ("unknown", "forward") else None
        related = related or (relations.held(row) if key == "unknown" else None)
        if related:
            key, facts = related[0], facts | related[1]
    hidden = key == "seed" and re.search(r"\.backward\s*=[^=]", _code(path))
    return _say("hidden" if hidden else key, facts)


# Planted mistakes ----------------------------------------------------------------------------------------------------


def known_mistakes(topic):
    """The entries of the topic's signatures.json, [] if there is none."""
    path = topic.folder / "signatures.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _that_look_like(known, path):
    """Without those planted mistakes that are only named where the file looks like it."""
    code = _code(path)
    return [entry for entry in known if not entry.get("looks") or re.search(entry["looks"], code)]


def fingerprints(rows, named=frozenset()):
    """test -> a digest of all that was wrong in it, for every test that fails.

    Two candidates that compute the same wrong numbers have the same fingerprints. A test that runs for several names
    of the skeleton, one after the other, counts as one for each of them: some of them may not be written yet. `named`:
    tests known to be such, where not all of their rows are there.
    """
    names = _names_of(rows, named)
    # A test with other parameters has several rows; those about what is not written yet say nothing about the others.
    texts, wrong = {}, {names(row) for row in rows if row["outcome"] not in ("pass", "not-written")}
    for row in rows:
        if row["outcome"] != "pass" and (row["outcome"] != "not-written" or names(row) not in wrong):
            texts.setdefault(names(row), []).extend(_texts(row))
    return {test: _digest(seen) for test, seen in texts.items()}


def _names_of(rows, named=frozenset()):
    """A function: the name of a row's test, with what it is about where the test runs for several names."""
    abouts = {}
    for row in rows:
        abouts.setdefault(row["test"], set()).add(row["about"])
    several = named | {test for test, found in abouts.items() if len(found) > 1}
    return lambda row: f"{row['test']} of {row['about']}" if row["test"] in several else row["test"]


def _texts(row):
    wrong = [seen for seen in row["observations"] if not seen["holds"]]
    if not wrong:
        return [row["raised"], "" if row.get("own_words") else _anonymous(row["message"].partition("\n")[0])]
    return [_text(seen, row.get("own_words")) for seen in wrong]


def _text(seen, own_words):
    if seen["raised"] and own_words:  # everybody has other words for what is refused
        got = seen["raised"]
    elif seen["raised"]:
        got = seen["raised"] + _anonymous(
            str(seen["got"]).replace("an array was expected, ", "a plain number was expected, ")
        )
    elif seen["aim"] == "cost" or str(seen["expected"]).startswith(
        "a message with"
    ):  # a cost differs from run to run, words from file to file
        got = ""
    elif not isinstance(seen["got"], float) or not math.isfinite(seen["got"]):
        got = str(seen["got"])
    else:  # 9 digits, and no noise around zero
        got = f"{seen['got']:.9g}" if abs(seen["got"]) > 1e-11 else "0"
    return f"{seen['given']}|{seen['what']}|{got}"


def _anonymous(message):
    """A message without what differs from run to run: places, addresses, and where the stack ended."""
    message = re.sub(r"(maximum recursion depth exceeded).*", r"\1", message)
    return re.sub(r"0x\w+|candidate_\w+|\S*/\S+|\d+", "", message)[:60]


def _digest(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


def _later(topic, rows, row):
    """The ids of the rows of steps after that of a row: what fails there may simply not be begun."""
    ids = [step.id for step in topic.steps]
    place = ids.index(row["step"]) if row["step"] in ids else len(ids)
    return {id(other) for other in rows if other["step"] in ids[place + 1 :]}


def _planted(known, rows, first, enough, later=frozenset(), alone=False):
    """The planted mistake whose numbers these are, or None; of several, the one that explains most of what is wrong.

    A test whose rows are all among `later` (ids of rows) and that fails in another way counts neither for nor against.
    `alone`: asked are only the tests of the name that stumbled first. Where it was planted, two names may share the
    lines that are wrong; in a learner's file they need not.
    """
    named = {test.partition(" of ")[0] for entry in known for test in entry["failing"] if " of " in test}
    observed, names = fingerprints(rows, named), _names_of(rows, named)
    held = {row["test"] for row in rows} - {row["test"] for row in rows if row["outcome"] != "pass"}
    if alone:
        rows = [row for row in rows if row["about"] == first["about"]]
        observed = {names(row): observed[names(row)] for row in rows if names(row) in observed}
    # What is not written yet says nothing about the mistakes in what is.
    judged = {names(row) for row in rows if row["outcome"] != "not-written" or row is first}
    passed = {names(row) for row in rows[: rows.index(first)]} - observed.keys()
    soon = {names(row) for row in rows if id(row) not in later}
    best, best_score = None, (0.0, 0)
    for entry in known:
        # The smallest failing probe is the best witness: there the numbers must be the same, all of them.
        if alone and entry.get("kills") in held:
            continue
        if entry["failing"].get(names(first)) != observed[names(first)] or passed & entry["failing"].keys():
            continue
        tests = judged & entry["failing"].keys()
        tests -= {test for test in tests - soon if observed.get(test, entry["failing"][test]) != entry["failing"][test]}
        same = sum(observed.get(test) == entry["failing"][test] for test in tests)
        # Shown by the candidate, and of what the candidate shows: with two mistakes in one file the second is less.
        share = same / len(tests) + same / len(judged & observed.keys())
        # A mistake that the file looks like comes before one that only has the same numbers.
        score = (share, 1 if entry.get("looks") else 0)
        if same / len(tests) >= enough and score > best_score:
            best, best_score = entry, score
    return best


def _name(mistake, facts, certain=False):
    name = mistake.get("name") or facts["name"]
    return Diagnosis(mistake["diagnosis"], name, mistake["says"], mistake["try"], certain)


# Suspects ------------------------------------------------------------------------------------------------------------


def _asked_alone(path, instances):
    """What the operations of a file hand to their parents, each asked alone; None if there is no answer."""
    text = running.ask("utils.course.probing", str(path), "operations", json.dumps(instances), seconds=PROBING)
    try:
        return json.loads(text)
    except ValueError:
        return None


def _accuse(topic, suspect, facts, code):
    if suspect.kind == "output only" and _has_a_loop(code):
        suspect = suspects.Suspect("topo", "leaves first")  # the same numbers, and a walk that could be the wrong way
    base, _, _ = suspect.operation.partition(" number")
    method = METHODS.get(suspect.operation) or METHODS.get(base) or suspect.operation
    name = next((known for known in topic.names_upto(4) if known.split(".")[-1] == method), facts["name"])
    kind = suspect.kind.removesuffix(suspects.RIGHT).removesuffix(",")
    cause, action = DEEDS.get(kind, SENTENCES[suspect.id])
    side = {(0,): ", for its left parent", (1,): ", for its right parent"}.get(suspect.sides, "")
    words = {**facts, "operation": OPERATION_NAMES.get(suspect.operation, f"`{suspect.operation}`"), "side": side}
    id = suspect.id
    if id in ("links", "local", "sign"):  # with a plain number beside it, that is what it is about
        id = "reflected" if suspect.operation.startswith("number ") and suspect.operation != "number **" else id
        id = "constant" if suspect.operation.endswith(" number") else id
    cause, action = cause.format(**words), action.format(**words)
    return Diagnosis(id, name, cause[:1].upper() + cause[1:], action[:1].upper() + action[1:])


# Rules ---------------------------------------------------------------------------------------------------------------


def _early_return(name, path):
    """The line of a `return` that ends a `for` of this name's code in its first turn; 0 if there is none."""
    tree = contract.read(path)[0] if path.exists() else None
    for part in name.split("."):
        inside = [node for node in getattr(tree, "body", ()) if getattr(node, "name", "") == part]
        tree = inside[0] if inside else None
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.For) and not any(isinstance(inner, ast.Continue) for inner in ast.walk(node)):
            early = next((inner.lineno for inner in node.body if isinstance(inner, ast.Return)), 0)
            if early:
                return early
    return 0


def _thrown_away(name, path):
    """The line of this name's code that draws or computes something, and keeps it nowhere; 0 if there is none."""
    tree = contract.read(path)[0] if path.exists() else None
    for part in name.split("."):
        inside = [node for node in getattr(tree, "body", ()) if getattr(node, "name", "") == part]
        tree = inside[0] if inside else None
    for node in ast.walk(tree) if tree else ():
        call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if call and not call.keywords and re.fullmatch(THROWN, ast.unparse(call.func)):
            # A second argument of np.tanh and the like is the array that takes the result.
            if ast.unparse(call.func).startswith("rng.") or len(call.args) == 1:
                return node.lineno
    return 0


def _has_a_loop(code):
    """Is there a loop in `backward`?"""
    return re.search(r"\b(for|while)\b", code.partition("def backward")[2].partition("\n    def ")[0]) is not None


def _by_exception(row, path, facts):
    """The key in SENTENCES for what was raised, "" if numbers came."""
    wrong = next((seen for seen in row["observations"] if not seen["holds"]), None)
    raised, message = row["raised"], row["message"]
    own = not row["file"] or Path(row["file"]).name == path.name  # the line is one of this file
    code = _line(path, row["line"]) if own else ""
    if wrong and not wrong["raised"]:
        return ""
    if wrong and wrong["raised"] != raised:
        raised, message = wrong["raised"], f"{wrong['raised']}: {wrong['got']}"
    scalar = facts["name"].startswith("Value")
    if raised == "RecursionError":
        if "backward" in row["about"]:
            return "recursion"
        if not scalar:
            facts["short"] = row.get("function") or facts["short"]
            return "endless-rule" if _has_rules(path) else "itself"
        return "itself" if row["about"].split(".")[-1].startswith("__r") else "kind"
    if raised != "NotImplementedError" and (key := _by_words(message, raised, code, row, path, facts)):
        return key
    if not scalar and raised != "NotImplementedError":
        said = _of_mishap(row, raised, message, code, facts)
        if said:
            return said
        message = "\n".join([message, row.get("because", "")])
    if raised == "OverflowError":
        return "overflow"
    if raised == "SystemExit":
        return "exit"
    if "'NoneType' object is not callable" in message:
        return "called"
    if "NoneType" in message:
        return "kind" if "grad" in code or "grad" in (wrong or {}).get("what", "") else "missing-return"
    if "unhashable" in message:
        return "unhashable"
    if "positional argument" in message or "unexpected keyword argument" in message:
        return "contract"
    if raised == "NotANumber" or re.search(r"must be real number, not|'(builtin_function_or_)?method'", message):
        return "kind"
    if raised == "ZeroDivisionError" or "math domain error" in message:
        return "domain"
    if raised == "ValueError" and "read-only" in message:
        return "read-only"
    if raised == "ValueError" and re.search(
        r"broadcast|shape|dimension|axes", message
    ):  # of NumPy, or in words of one's own
        if re.match(r"\s*(raise|assert)\b", code):
            return _handed_over(row, facts) or "own-check"
        facts["sizes"] = _sizes(row["message"])
        return "misfit"
    if re.match(r"\s*(raise|assert)\b", code) and row["outcome"] != "not-written":
        return _handed_over(row, facts) or "refused"
    if re.search(r"'(int|float)' object has no attribute", message):
        return "constant" if row["line"] else "kind"  # in the candidate's code, or in the test's hand
    if row["outcome"] == "not-written":
        if row["line"] and "Value" in message and ".data" in code:
            return "kind"  # a Value beside a plain number, in the candidate's own formula
        owned = _owned(row["file"], path)
        if owned:
            facts |= {"there": owned.workspace_file.name, "borrow": owned.number}
            facts["message"] = row["message"].splitlines()[0].removeprefix(f"{raised}: ")
            return "owned"
        asked = re.search(r"'(\w+)' object has no attribute '(\w+)'", message)
        wanted = f"{asked[1]}.{asked[2]}" if asked else facts["name"]
        facts["near"] = _near(path, facts["name"]) or _near(path, wanted)
        if facts["near"]:
            facts |= {} if _near(path, facts["name"]) else {"name": wanted, "short": wanted.rpartition(".")[2]}
            return "misspelled"
        return "not-written" if scalar else _unset(message, path, facts) or _needed(message, path, facts)
    return "raised" if row["outcome"] == "error" else ""


def _of_mishap(row, raised, message, code, facts):
    """What mishaps.py says about an exception; "" if it has no word for it."""
    text = message if raised == "NotANumber" else "\n".join([message, row.get("because", "")])
    if raised == "NotANumber":
        if ".grad" in (_first_wrong(row)["what"]) and "(NoneType)" in message:
            return _unreached(row, facts)
        return mishaps.of_object(text, facts["place"]) or ""
    if row["outcome"] == "not-written":  # the test asks for it: nothing has run in the candidate's own line
        return mishaps.of(text, code, facts["place"]) or "" if "memory" in text else ""
    return (row["line"] and mishaps.miscalled(text, facts["place"])) or mishaps.of(text, code, facts["place"]) or ""


def _handed_over(row, facts):
    """The key where another function of the file than the one that is judged has refused what it was given; or ""."""
    function = row.get("function", "")
    if not row.get("caller") or function in facts["name"].split("."):
        return ""
    facts |= {"inner": function, "line": row["caller"]}
    return "handed-over"


def _unset(message, path, facts):
    """The key where a test asks an object for an attribute that its constructor should have set; "" otherwise."""
    asked = re.search(r"'(\w+)' object has no attribute '(\w+)'", message)
    tree = contract.read(path)[0] if asked and path.exists() else None
    if not tree or f"{asked[1]}.__init__" not in contract.definitions(tree):
        return ""
    if f"{asked[1]}.{asked[2]}" in facts["names"] or _is_bare(f"{asked[1]}.__init__", path):
        return ""
    facts |= {"owner": asked[1], "missing": asked[2]}
    above = re.search(rf"class {asked[1]}\((?!Module\b)\w", _code(path))
    return "unset-above" if above and "super()" not in _code(path) else "unset"


def _needed(message, path, facts):
    """The key where the test of a name that is written ends at another one that is not."""
    inner = re.match(r"NotImplementedError: ([A-Za-z_][\w.]*)$", message.partition("\n")[0])
    if not inner or inner[1] == facts["name"] or inner[1] not in facts["names"] or _is_bare(facts["name"], path):
        return "not-written"
    facts["inner"] = inner[1]
    return "needed"


def _has_rules(path):
    """Does the candidate make operations of rules?"""
    return re.search(r"def operation\(|import .*\boperation\b", _code(path)) is not None


def _makes_graphs(name, path):
    """Does the code of a name mention the objects that gradients arrive at, or is it a class that may hold them?"""
    function = _function_called(path, name)
    return function is None or re.search(r"Value|Tensor|value_class|backward", ast.unparse(function)) is not None


def _is_bare(name, path):
    """Does a name of the skeleton still raise what it raises there?"""
    owner = name.removesuffix(".__init__")
    return re.search(rf"raise NotImplementedError\(.{re.escape(owner)}(\.__init__)?.\)", _code(path)) is not None


def _unreached(row, facts):
    facts["what"] = _first_wrong(row)["what"]
    return "unreached" if row["about"].startswith("Tensor.") or row["about"] == "operation" else "cut-off"


OF_OBJECTS = {"data", "grad", "backward"}  # what a test asks a Value or Tensor for that comes back
ANSWERING = {"__call__", "forward", "parameters"}  # methods that are asked for a result
KINDS = {"float": "one number", "int": "one number", "float64": "one number", "tuple": "a tuple", "list": "a list",
         "set": "a set", "dict": "a dict", "ndarray": "an array", "str": "a text", "ellipsis": "`...`"}  # fmt: skip


def _by_words(message, raised, code, row, path, facts):
    """The key in SENTENCES for an exception whose own words say what is wrong; "" if they do not."""
    message = message.partition("\n")[0]
    quoted = re.search(r"'([^']+)'", message)
    facts["missing"] = missing = quoted[1] if quoted else ""
    function = _function_at(path, row["line"])
    names = {argument.arg for argument in function.args.args} if function else set()
    on_self = set(_set_by(path))
    if ("ellipsis" in message and "valid indices" not in message) or "Ellipsis" in message or missing == "____":
        facts["missing"] = "`____`" if missing == "____" else "`...`"
        return "gap"
    if raised == "NameError":
        if missing in on_self and function and "self" in names:
            return "on-self"
        if re.search(r"^import numpy as np", _code(path), re.M) and missing in NUMPY:
            return "of-numpy"
        if _comes_later(missing, path, row["line"]):
            return "loops"
        if missing in mishaps.USUAL:  # an import was forgotten, whatever other name looks like it
            return ""
        known = names | {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} if function else set()
        facts["near"] = _nearest(missing, known)
        return "typo" if facts["near"] else ""
    if raised == "UnboundLocalError":
        return "no-value"
    if raised == "KeyError" and not row["line"]:
        facts["missing"] = re.search(r"KeyError(?:\(|: )(?!KeyError)(.+?)\)?$", message)[1]
        return "no-entry"
    if raised == "AttributeError" and "NoneType" in message:
        attribute = message.rpartition(" ")[2].strip("'")
        given = [name for name in _none_by_default(function) if re.search(rf"\b{name}\s*\.\s*{attribute}\b", code)]
        facts["missing"] = given[0] if given else ""
        return "none-given" if given else ""
    if raised == "AttributeError" and (found := re.search(r"module 'numpy' has no attribute '(\w+)'", message)):
        import numpy as np  # a check of plain numbers does not wait for it

        near = _nearest(found[1], set(np.__all__))
        facts |= {"missing": f"np.{found[1]}", "near": f"np.{near}"}
        return "typo" if near else ""
    if raised == "AttributeError" and (found := re.search(r"'(\w+)' object has no attribute '(\w+)'", message)):
        facts["missing"] = found[2]
        if not row["line"] and found[2] in OF_OBJECTS and not facts["name"].startswith("Value"):
            if found[1] in ("function", "method", "builtin_function_or_method"):
                return "uncalled"
            if found[1] in KINDS:
                kind = KINDS[found[1]]
                facts |= {"kind": kind[:1].upper() + kind[1:], "owner": "a Value"}
                boxed = found[1] in ("list", "tuple")
                facts["advice"] = ("Give back the one that is in it, without the brackets." if boxed
                                   else "Give back the Value itself; `.data` of it is only its number.")  # fmt: skip
                return "no-object"
        if row["line"] and found[2] in names and f"self.{found[2]}" in code:
            return "argument"
        inside = ast.walk(_function_called(path, f"{found[1]}.__init__") or ast.Pass())
        if found[2] in {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}:
            return "off-self"
        if row["line"] and found[1] == "Value":
            offered = {name.partition(".")[2] for name in catalog().topic("02").names_upto(4) if "." in name}
            near = _nearest(found[2], {name for name in offered if name.strip("_") == name} | {"data", "grad"})
            facts |= {"missing": f".{found[2]}", "near": f".{near}"}
            return "typo" if near else ""
        if f"self.{found[2]}" not in code:
            return ""
        near, own = _nearest(found[2], on_self), _set_by(path, found[1])
        if not near and own and found[2] not in on_self:
            facts |= {"owner": found[1], "near": ", ".join(f"`self.{name}`" for name in own[:4])}
            return "never-set"
        facts |= {"missing": f"self.{found[2]}", "near": f"self.{near}"}
        return "typo" if near else ""
    if found := re.search(r"TypeError[:(]\W*(\w+)\(\) takes no arguments", message):
        facts["near"] = _near(path, f"{found[1]}.__init__")
        facts |= {"name": f"{found[1]}.__init__", "short": "__init__"} if facts["near"] else {}
        return "misspelled" if facts["near"] else ""
    if found := re.search(r"([\w.]+)\(\) takes (\d+) positional arguments? but (\d+) (?:was|were) given", message):
        method = _function_called(path, found[1]) if "." in found[1] else None
        selfless = method and not method.decorator_list and "self" not in {one.arg for one in method.args.args}
        if selfless and int(found[3]) == int(found[2]) + 1:
            facts["short"] = method.name
            return "selfless"
    if re.search(r"only (0-dimensional|length-1|size-1) arrays can be converted", message):
        return "one-number"
    if "for ^" in message:
        return "power"
    if row["line"] and re.search(r"for \+: 'int' and 'list'", message) and "sum(" in code:
        return "sum-of-lists"
    if row["line"] and re.search(r"for \+: ('(int|float)' and 'tuple'|'tuple' and '(int|float)')", message):
        return ""
    if re.search(r"can't multiply sequence|operand type.* '(list|tuple)'|and '(list|tuple)'$", message):
        return "list-as-array" if row["line"] else ""
    several = re.search(r"(too many|not enough) values to unpack \(expected (\d+)", message)
    if several and not row["line"] and not _has_rules(path):
        facts |= {"sizes": "more" if several[1] == "too many" else "fewer", "missing": several[2]}
        return "so-many"
    if not row["line"] and re.search(r"not subscriptable|indices must be|cannot unpack non-iter|not iterable", message):
        found = re.search(r"'?(\w+)'? (?:object|indices)\b", message)
        kind = found[1] if found else ""
        if kind in KINDS:
            facts["kind"], facts["message"] = KINDS[kind], _wanted(message)
            return "unusable"
    if "NoneType" in message and row["outcome"] != "not-written":
        function = _function_called(path, facts["name"])
        asked = next((seen["what"] for seen in row["observations"] if not seen["holds"]), "")
        if function is None and not row["line"] and (found := _silent_method(path, facts["name"])):
            function, facts["short"] = found, found.name
        if function and not row["line"] and not _gives_back(function) and ".grad" not in asked:
            facts["printed"] = " `print` only shows it." if row.get("printed") else ""
            return "no-return"
    if raised == "NotANumber" and "a plain number was expected" in message:
        kind = re.search(r"but here is (\(|\[|array)", message)
        if kind:
            facts["Kind"] = {"(": "A tuple", "[": "A list", "array": ""}[kind[1]]
            return "list-for-number" if facts["Kind"] else "array-for-number"
    return ""


def _nearest(word, known):
    """The known word that was probably meant: the same letters in other case or order, or nearly the same; or ""."""
    same = [other for other in known if other != word and other.lower() == word.lower()]
    same += sorted(other for other in known if other != word and len(word) > 2 and sorted(other) == sorted(word))
    return next(iter(same or difflib.get_close_matches(word, sorted(known - {word}), 1, 0.7)), "")


def _wanted(message):
    if "not str" in message:
        return "a dict"
    return (
        "several results, as a tuple" if "unpack" in message or "iterable" in message else "a tuple, a dict or an array"
    )


def _function_at(path, line):
    """The innermost function of a file that a line belongs to, None if there is none."""
    tree = contract.read(path)[0] if line and path.exists() else None
    around = (
        [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.lineno <= line <= node.end_lineno
        ]
        if tree
        else []
    )
    return max(around, key=lambda node: node.lineno, default=None)


def _function_called(path, name):
    """The function, or method, that a name of the skeleton stands for in a file; None for a class."""
    tree = contract.read(path)[0] if path.exists() else None
    found = tree
    for part in name.split("."):
        found = next((node for node in getattr(found, "body", ()) if getattr(node, "name", "") == part), None)
    return found if isinstance(found, ast.FunctionDef) else None


def _gives_back(function):
    return any(isinstance(node, (ast.Return, ast.Yield)) and node.value is not None for node in ast.walk(function))


def _set_by(path, owner=""):
    """The attributes that the methods of a class set on `self`, in their order; of all classes without a name."""
    found = contract.read(path)[0] if path.exists() else None
    if owner:
        found = next((node for node in getattr(found, "body", ()) if getattr(node, "name", "") == owner), None)
    set_there = [node for node in ast.walk(found or ast.Pass()) if isinstance(node, ast.Attribute)
                 and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"]  # fmt: skip
    return list(dict.fromkeys(node.attr for node in set_there))


def _silent_method(path, name):
    """The one method of a class that should answer and has no `return` with a result; None if there is no such one."""
    tree = contract.read(path)[0] if path.exists() else None
    found = next((node for node in getattr(tree, "body", ()) if getattr(node, "name", "") == name), None)
    answering = [node for node in getattr(found, "body", ()) if getattr(node, "name", "") in ANSWERING]
    silent = [node for node in answering if not _gives_back(node)]
    return silent[0] if len(silent) == 1 and isinstance(found, ast.ClassDef) else None


def _comes_later(name, path, line):
    """Is a name used in a loop of a comprehension on this line, and made by a later one?"""
    tree = contract.read(path)[0] if line and path.exists() else None
    for node in ast.walk(tree) if tree else ():
        loops = getattr(node, "generators", ())
        if len(loops) > 1 and node.lineno <= line <= node.end_lineno:
            made = [
                any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(loop.target)) for loop in loops
            ]
            used = [any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(loop.iter)) for loop in loops]
            if True in made and True in used and used.index(True) < made.index(True):
                return True
    return False


def _none_by_default(function):
    """The arguments of a function that are None unless they are given."""
    if function is None:
        return []
    pairs = zip(reversed(function.args.args), reversed(function.args.defaults), strict=False)
    return [argument.arg for argument, default in pairs if isinstance(default, ast.Constant) and default.value is None]


def _sizes(message):
    """The sizes that NumPy says do not fit, ", that is ..."; "" if it names none."""
    inner = re.search(r"\(size (\d+) is different from (\d+)\)", message)
    if inner:
        return f": the inner sizes of the product are {inner[2]} and {inner[1]}"
    cut = re.search(r"cannot reshape array of size (\d+) into shape (\([\d,]+\))", message)
    if cut:
        return f": {cut[1]} numbers do not fill the shape {cut[2]}".replace(",", ", ").replace(", )", ",)")
    pair = re.search(r"shapes (\([\d,]*\)) (?:and )?(\([\d,]*\))", message)
    return f": {pair[1]} and {pair[2]}".replace(",)", "#").replace(",", ", ").replace("#", ",)") if pair else ""


def _by_numbers(row, rows, facts):
    """The key in SENTENCES for wrong numbers, "unknown" if they say nothing."""
    seen, about = _first_wrong(row), row["about"].split(".")[-1]
    if not seen["what"]:
        return "recursion" if "recursion" in row["message"] else "unknown"
    given, got, expected = seen["given"], seen["got"], seen["expected"]
    if seen["aim"] == "cost":
        return "memory" if re.search("memory|objects|bytes", seen["what"]) else "cost"
    if row["about"].startswith("Tensor.") or row["about"] in ("operation", "unbroadcast"):
        key = _of_tensors(seen, about)
        if key:
            return key
    if seen["aim"] == "shape" and isinstance(got, str):
        return _of_shapes(seen, facts)
    if seen["aim"] in SENTENCES:  # the test itself says what it means: a shape, a dtype, an array that is shared
        return seen["aim"]
    if not isinstance(expected, (int, float)):
        return "unknown"
    if "+=" in given or _has_changed_operands(rows):
        return "inplace"
    if about == "zero_grad" and given.endswith("zero_grad()"):
        return "inplace" if seen["what"].endswith(".data") else "state"
    if seen["what"].endswith(".grad") and expected == 0 and "backward" not in given:
        return "seed"
    if given.endswith(f"{seen['what'].removesuffix('.grad')}.backward()"):
        return "seed"
    if re.search(r"= -?\d{3,}\b", given) or (isinstance(got, float) and not math.isfinite(got)):
        return "overflow"
    if seen["aim"] == "value":
        swapped = suspects.swapped_value(given)
        if about.startswith("__r") and ("left" in row["test"] or (swapped is not None and _same(got, swapped))):
            return "reflected"
        if expected and _same(got, -expected):
            return "sign"
        # In topics without an engine, every comparison is one of values.
        return "forward" if seen["what"] == "the value" or seen["what"].endswith(".data") else "unknown"
    if re.search("backward.*backward", given):
        return "state"
    wrong = [other for other in row["observations"] if not other["holds"]]
    if all(_same(other["got"], -other["expected"]) for other in wrong):
        return "sign"
    if suspects.graph(given) is None and all(_same(other["got"], 0.0) for other in wrong):
        return "links"
    return "unknown"


def _of_arrays(seen, row, path, facts):
    """The key for wrong numbers of arrays and refusals, where they speak for themselves; "" if they do not."""
    got, expected = str(seen["got"]), str(seen["expected"])
    facts |= {
        "got": got,
        "expected": expected,
        "wanted": expected.removeprefix("one that holds "),
        "what": seen["what"],
    }
    if seen["what"] == "the message":
        return "wordless"
    if expected.endswith("Error") and got == "no error":
        return "silent"
    if expected == "'ndarray'" and got in ("'list'", "'tuple'"):
        return "list-for-array"
    if expected.endswith(("Error", "Exception")) and got.endswith(("Error", "Exception")):
        return "other-exception"
    if seen["what"] == "what is raised" and expected == "nothing":
        return "over-careful"
    if seen["what"].endswith("requires_grad") and got not in ("True", "False"):
        return "flag"
    if "afterwards" in seen["what"] and seen["aim"] in ("value", ""):
        return "inplace"
    if got == "None" and seen["what"].endswith(".grad"):
        return _unreached(row, facts)
    if isinstance(seen["got"], float) and math.isnan(seen["got"]):
        return "not-a-number"
    if seen["aim"] == "shape":
        facts["line"] = mishaps.lost_comma(_code(path))
        sizes, wanted = (re.findall(r"\d+", text) for text in (got, expected))
        if facts["line"] and "grad" in seen["what"] and sizes == wanted[1:]:
            return "comma"
        return "untransposed" if len(sizes) > 1 and sizes == wanted[::-1] and "1" not in sizes else ""
    return _by_upstream(seen)


def _by_upstream(seen):
    """The key for a wrong entry of a gradient, where the upstream gradient of the same place stands in the case."""
    upstream = re.search(r", gradient (\[.*\])$", seen["given"])
    place = re.search(r"\.grad\[([\d, ]+)\]$", seen["what"])
    if not upstream or not place or not isinstance(seen["got"], float) or not math.isfinite(seen["got"]):
        return ""
    entry = json.loads(upstream[1])
    try:
        for index in place[1].split(", "):
            entry = entry[int(index)]
        entry = float(entry)
    except (IndexError, TypeError):
        return ""
    if entry in (0.0, 1.0) or not seen["got"] or not seen["expected"]:
        return ""
    return "chain" if _same(seen["got"] * entry, seen["expected"]) else ""


def _of_shapes(seen, facts):
    """The key for a shape that is not the expected one."""
    got, expected = (tuple(map(int, re.findall(r"\d+", side))) for side in (seen["got"], seen["expected"]))
    facts |= {"what": seen["what"], "got": got, "expected": expected}
    if not seen["got"].startswith("shape "):
        return "shape"
    if got == expected[::-1]:
        return "turned"
    return "one-axis-less" if 1 in expected and got == tuple(size for size in expected if size != 1) else "sizes"


def _of_tensors(seen, about):
    """The key for the first wrong comparison of a test about tensors, "" if it says nothing of its own.

    The smallest program comes first, its value is compared before its gradients, and the walk has been judged before.
    """
    got, expected = (re.findall(r"\d+", str(side)) for side in (seen["got"], seen["expected"]))
    if about == "unbroadcast":
        return "unbroadcast"
    if seen["aim"] == "shape" and ".grad" in seen["what"] and about != "backward":
        if got != expected and sorted(got) == sorted(expected):
            return "transpose"
        return "unbroadcast" if len(got) > len(expected) or "1" in expected else ""
    if seen["aim"] != "gradient" or not isinstance(seen["got"], float) or about == "backward":
        return ""
    if not math.isfinite(seen["got"]):
        return ""
    return "sign" if seen["expected"] and _same(seen["got"], -seen["expected"]) else "local"


def _has_changed_operands(rows):
    """Has one operation changed its operands, and another not? If all do, the numbers were wrong from the start."""
    held = {}
    for row in rows:
        for seen in row["observations"]:
            if seen["given"].endswith("without backward"):
                held.setdefault((row["test"], seen["what"]), set()).add(seen["holds"])
    return any(len(both) == 2 for both in held.values())


def _first_wrong(row):
    """The first comparison of a row that did not hold, an empty one if there is none."""
    empty = {"what": "", "given": "", "expected": None, "got": None, "raised": "", "aim": "", "holds": False}
    return next((seen for seen in row["observations"] if not seen["holds"]), empty)


def _owned(file, path):
    """The topic whose file in workspace/ raised, where it is not the one that is judged; else None."""
    if not file or Path(file) == path:
        return None
    return next((topic for topic in catalog().ready if Path(file) == topic.workspace_file), None)


def _near(path, name):
    """A method of the candidate's class that looks like a misspelling of `name`, "" if there is none."""
    owner, _, short = name.rpartition(".")
    tree = contract.read(path)[0] if path.exists() else None
    offered = (
        {other.split(".")[-1] for other in contract.definitions(tree) if other.startswith(owner + ".")} if tree else ()
    )
    if not short or short in offered:
        return ""
    special = {name for name in dir(int) if name.startswith("__")}
    strange = [other for other in offered if other not in special and other.strip("_") != ""]
    return next(iter(difflib.get_close_matches(short, strange, 1, 0.75)), "")


def _code(path):
    """The candidate's file without comments, "" if it cannot be read."""
    try:
        return re.sub(r"(?m)[ \t]*#.*$", "", path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""


def _line(path, number):
    """A line of the candidate's file, "" if there is none."""
    lines = _code(path).splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _same(got, expected):
    return isinstance(got, (int, float)) and math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)


def _place(line, name, file="", path=None):
    other = f" of {Path(file).name}" if file and path and Path(file) != path else ""
    return f"line {line}{other}" if line else f"`{name}`"


def _say(key, facts):
    words = SENTENCES if facts["name"].startswith("Value") else SENTENCES | ELSEWHERE
    cause, action = words[key]
    return Diagnosis(BELONGS_TO.get(key, key), facts["name"], cause.format(**facts), action.format(**facts))
