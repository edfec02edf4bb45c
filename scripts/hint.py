"""The next hint about the step you are at; each gives away more."""

from scripts import screen
from utils.course import events, hinting, progress, texts
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("name", nargs="?", help="such as Value.backward; without it, what the last check stumbled on")
    parser.add_argument("--more", action="store_true", help="the next hint although your file has not changed")


def run(arguments):
    id, asked, number = "", arguments.name, getattr(arguments, "topic", None)
    if asked and asked[0].isdigit():  # a topic such as 02, or a step such as 02.lean
        number, _, id = asked.partition(".")
        topic = catalog().topic(number)
        asked = next((step.about[0] for step in topic.steps if step.id == id), None)
    topic, name, step = _about(asked, number)
    step = id or step
    rungs = hinting.ladder(topic, name, step)
    if not rungs:
        known = ", ".join(sorted(hinting.headings(topic)))
        raise CatalogError(f"There is no hint about {name}. Hints are about: {known}.")
    key, key_of_hint = progress.key_of(topic, topic.workspace_file), f"{topic.number}.{step}:{name}"
    with progress.updated("hints") as shown:
        last = shown.get(key_of_hint, {"rung": -1, "key": ""})
        same_file = last["key"] == key and not arguments.more
        # The rung that was shown for this very file is shown again: try it first, or say --more.
        rung = max(0, last["rung"]) if same_file else min(last["rung"] + 1, len(rungs) - 1)
        shown[key_of_hint] = {"rung": rung, "key": key}
    events.note("hint", topic=topic.number, name=name, rung=rung + 1, more=arguments.more)
    text = [f"About `{name}`", "", texts.for_terminal(rungs[rung]), ""]
    if rung + 1 < len(rungs):
        text += screen.wrapped("The next hint comes when your file has changed, or with: python3 learn.py hint --more")
    else:
        text += screen.wrapped(
            f"This was the last hint. A complete solution: python3 learn.py show {topic.number}. "
            f"Or {screen.way_out(topic)}: python3 learn.py skip {topic.number}"
        )
    screen.out(text)
    return 0


def _about(name, number):
    """The topic, the name and the step ("" for any) that a hint is asked about; `number`: the topic to begin with."""
    edited = catalog().topic(number) if number else progress.topic_edited_last(catalog())
    step = edited and progress.first_open_in(edited)
    if not step or not (number or progress.read("progress").get(edited.number, {}).get("stumbled")):
        step = progress.here(catalog())  # nothing is being written, or nothing failed there
    if name:
        topics = [catalog().topic(step.topic)] if step else []
        topics += [topic for topic in catalog().ready if topic not in topics]
        for topic in topics:
            for heading in hinting.headings(topic):
                if name in (heading, heading.split(".")[-1], heading.split(".")[-1].strip("_")):
                    here = step and step.topic == topic.number and heading in step.about
                    return topic, heading, step.id if here else ""
        raise CatalogError(f"No topic has a hint about {name!r}. Try python3 learn.py hint without a name.")
    if step is None:
        raise CatalogError("You have reached the end of the road. Say what you want a hint about.")
    topic = catalog().topic(step.topic)
    stumbled = progress.read("progress").get(topic.number, {}).get("stumbled")
    return topic, stumbled if stumbled in hinting.headings(topic) else step.about[0], step.id
