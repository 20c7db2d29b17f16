#!/usr/bin/env python3
"""Checks what people read: the project's Markdown, and the width of its Rust.

    scripts/prose.py              every problem, as file:line: what is wrong; exit code 1 if there is one
    scripts/prose.py PAGE...      of these pages only
    scripts/prose.py --measure    lines, words a sentence and words to avoid, a row for each page

Lines have at most 120 columns. A sentence has at most 30 words, and 25 on average over a page (cells of tables aside).
Words of the list below have plainer ones. Links lead to pages and headings that exist, from Rust and YAML too. Pages
have a bounded length. Tests that docs/decisions.md names exist. String literals and doc comments of src/ are checked for
the same words, tests aside.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = 120
WORDS = 30
AVERAGE = 25
LINES = 400
LINES_OF = {"README.md": 150, "docs/architecture.md": 250, "CHANGELOG.md": None}

# What to write instead. Spans of code are not looked at.
AVOID = {
    r"anew": "again",
    r"nobody": "name who does not, or say `no one`",
    r"whoever": "anyone who",
    r"whatever": "any, or name it",
    r"mend(?:s|ed|ing)?": "fix",
    r"talk(?:s|ed|ing)?": "messages, or diagnostics",
    r"excuses?|excused": "allowed outcome",
    r"fate": "faults",
    r"basins?|water": "stream model",
    r"in hand|in (?:our|other|its|their) hands": "in flight, or owned by another consumer",
    r"given up|gives? up|giving up|gave up": "discarded, sent to the failure destination, or abandoned",
    r"gone for": "say for how long",
    r"tells|told": "says, shows, or reports",
    r"beside": "next to, or in addition to",
    r"settl(?:e|es|ed|ing|ements?)": "acknowledge, delete, or checkpoint",
    r"(?<!byte order )(?<!question )marks?|marked|marking": "checkpoint, or label",
    r"wish(?:es|ed|ing)?": "desired state",
    r"lanes?": "concurrent batches of a shard (ParallelizationFactor)",
    r"kinder|kindly": "say what is different",
}
# Names that stay although they are on the list.
ALLOWED = {
    "src/store/tables.rs": {"marks"},  # The name of a table in stored data.
    "src/store/texts.rs": {"marks"},  # The old name of a JSON member, which is read and shown for one version more.
}
AVOIDED = re.compile("|".join(rf"(\b(?:{pattern})\b)" for pattern in AVOID), re.IGNORECASE)
INSTEAD = list(AVOID.values())

FENCE = re.compile(r"^\s*(?:>\s*)*(```+|~~~+)")
ITEM = re.compile(r"^\s*(?:[*+-]|\d+[.)])\s+")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
DEFINITION = re.compile(r"^\s*\[([^\]]+)\]:\s*(\S+)")
CODE = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
INLINE_LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^\s)>]+)>?[^)]*\)")
NAMED_LINK = re.compile(r"\[((?:[^\[\]]|\n)+)\](?:\[([^\]]*)\])?")
SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx)|\s[A-Z])\.[\"')\]]*\s+$")
WORD = re.compile(r"[^\s]*\w[^\s]*")
RUST_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'""", re.DOTALL
)
RAW_STRING = re.compile(r"b?r#*\"")
PLACEHOLDER = re.compile(r"\{\w*(?:\.\w+)*(?::[^{}]*)?\}")
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod (\w+)\s*([;{])")
MENTION = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")


def tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def keeping_lines(replacement):
    """Replaces what a pattern finds without moving what follows to another line."""
    def replace(found):
        text = replacement(found)
        return text + "\n" * (found.group(0).count("\n") - text.count("\n"))
    return replace


class Page:
    """A page of Markdown, in blocks: (line, kind, text), where a block is text (a paragraph or an item), a cell or a heading."""

    def __init__(self, name):
        self.name = name
        self.lines = (ROOT / name).read_text(encoding="utf-8").split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.blocks, self.definitions, self.anchors = [], {}, set()
        self.parse()

    def parse(self):
        paragraph, first, fence, comment = [], 0, None, False

        def end():
            if paragraph:
                self.blocks.append((first, "text", "\n".join(paragraph)))
                paragraph.clear()

        for number, line in enumerate(self.lines, 1):
            mark = FENCE.match(line)
            if fence:
                if mark and mark.group(1).startswith(fence):
                    fence = None
                continue
            if mark:
                end()
                fence = mark.group(1)
                continue
            if comment or line.lstrip().startswith("<!--"):
                end()
                comment = "-->" not in line
                continue
            heading, definition = HEADING.match(line), DEFINITION.match(line)
            if not line.strip():
                end()
            elif heading:
                end()
                self.blocks.append((number, "heading", heading.group(2)))
                self.anchors.add(self.slug(heading.group(2)))
            elif definition:
                end()
                self.definitions[definition.group(1).lower()] = (number, definition.group(2))
            elif line.lstrip().startswith("|"):
                end()
                for cell in self.cells(line):
                    self.blocks.append((number, "cell", cell))
            else:
                if ITEM.match(line):
                    end()
                if not paragraph:
                    first = number
                paragraph.append(ITEM.sub("", line).lstrip("> "))
        end()
        for anchor in re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", "\n".join(self.lines)):
            self.anchors.add(anchor)

    @staticmethod
    def cells(row):
        if re.fullmatch(r"[\s|:-]+", row):
            return []
        plain = CODE.sub(lambda found: found.group(0).replace("|", "\0"), row).replace("\\|", "\0")
        return [cell.strip().replace("\0", "|") for cell in plain.strip().strip("|").split("|") if cell.strip()]

    def slug(self, heading):
        """The anchor that GitHub gives a heading."""
        text = INLINE_LINK.sub(lambda found: found.group(1), heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        same, candidate = 0, slug
        while candidate in self.anchors:
            same += 1
            candidate = f"{slug}-{same}"
        return candidate

    def prose(self):
        """Blocks without code, targets of links and emphasis; a span of code is one word."""
        for number, kind, text in self.blocks:
            text = CODE.sub(keeping_lines(lambda _: "C0DE"), text)
            text = INLINE_LINK.sub(keeping_lines(lambda found: found.group(1)), text)
            text = NAMED_LINK.sub(keeping_lines(lambda found: found.group(1)), text)
            text = re.sub(r"<[^>\n]+>|\*+|(?<!\w)_|_(?!\w)", "", text)
            yield number, kind, text

    def sentences(self):
        for number, kind, text in self.prose():
            if kind == "heading":
                continue
            begin = 0
            ends = [found.end() for found in SENTENCE_END.finditer(text)] + [len(text)]
            for stop in ends:
                if stop < len(text) and ABBREVIATION.search(text[begin:stop]):
                    continue
                words = len(WORD.findall(text[begin:stop]))
                if words:
                    yield number + text[:begin].count("\n"), kind, words, " ".join(text[begin:stop].split())
                begin = stop

    def avoided(self):
        for number, _, text in self.prose():
            for found in AVOIDED.finditer(text):
                yield number + text[:found.start()].count("\n"), found.group(0), INSTEAD[found.lastindex - 1]

    def links(self):
        for number, _, text in self.blocks:
            text = CODE.sub(keeping_lines(lambda found: "C0DE"), text)
            for found in INLINE_LINK.finditer(text):
                yield number + text[:found.start()].count("\n"), found.group(2)
            for found in NAMED_LINK.finditer(INLINE_LINK.sub(keeping_lines(lambda _: ""), text)):
                name = " ".join((found.group(2) or found.group(1)).split()).lower()
                if name in self.definitions:
                    continue
                if found.group(2):
                    yield number + text[:found.start()].count("\n"), f"[{name}]"
        yield from self.definitions.values()


def too_wide(line):
    """Longer than the limit, unless it is one word that cannot be broken: a link's definition or a bare address."""
    return len(line) > COLUMNS and not DEFINITION.match(line) and not re.fullmatch(r"\s*(?:[*-] )?<?https?://\S+", line)


def check_page(page, pages):
    limit = LINES_OF.get(page.name, LINES)
    if limit and len(page.lines) > limit:
        yield limit + 1, f"the page has {len(page.lines)} lines, at most {limit}: split it, or cut what is said twice"
    for number, line in enumerate(page.lines, 1):
        if too_wide(line):
            yield number, f"{len(line)} columns, at most {COLUMNS}"
    count = total = 0
    for number, kind, words, sentence in page.sentences():
        if kind == "text":
            count, total = count + 1, total + words
        if words > WORDS:
            yield number, f"a sentence of {words} words, at most {WORDS}: {sentence[:60]}…"
    if count and total > AVERAGE * count:
        yield 1, f"{total / count:.1f} words a sentence on average, at most {AVERAGE}"
    for number, word, instead in page.avoided():
        yield number, f"`{word}`: write {instead}"
    for number, target in page.links():
        problem = dead(page.name, target, pages)
        if problem:
            yield number, problem
    if page.name == "docs/decisions.md":
        yield from check_decisions(page)


def dead(origin, target, pages):
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    if target.startswith("["):
        return f"no definition of the link {target}"
    path, _, anchor = target.partition("#")
    name = origin
    if path:
        file = (ROOT / origin).parent / path
        if not file.exists():
            return f"dead link: {target}"
        name = file.resolve().relative_to(ROOT).as_posix()
    if anchor and name in pages and anchor not in pages[name].anchors:
        return f"dead anchor: {target}"
    return None


def check_decisions(page):
    """Every decision names the test that holds it, or says that there is none."""
    sources = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in tracked("*.rs"))
    tests = set(re.findall(r"\bfn (\w+)\(", sources))
    for number, kind, text in page.blocks:
        held = re.search(r"Test:\s`(\w+)`$", text)
        if kind == "text" and text.startswith("**") and not held and not text.endswith("No test."):
            yield number, "a decision names the test that holds it: Test: `name`, or No test."
        if held and held.group(1) not in tests:
            yield number, f"there is no test {held.group(1)}"


def unbreakable(text, begin, end):
    """Whether a line of Rust is too long for a raw string, or for a string without a space to break it at."""
    for token in RUST_TOKEN.finditer(text):
        if token.start() < end and token.end() > begin + COLUMNS - 4:
            literal = text[max(begin, token.start()) : begin + COLUMNS - 1].strip()
            return bool(RAW_STRING.match(token.group(0))) or (token.group(0)[0] in "b\"" and " " not in literal)
    return False


def test_files():
    """The files of src/ that are compiled for tests only, and the folders of such modules."""
    for name in tracked("src/*.rs"):
        file = pathlib.PurePosixPath(name)
        folder = file.parent if file.stem in ("mod", "lib", "main") else file.with_suffix("")
        for found in TEST_MODULE.finditer((ROOT / name).read_text(encoding="utf-8")):
            yield from (f"{folder / found.group(1)}.rs", f"{folder / found.group(1)}/")


def avoided_in_source(name, text, tests):
    """Words to avoid that users see in messages, and readers in doc comments: line, kind, word, and what to write."""
    if not name.startswith("src/") or name in tests or any(name.startswith(folder) for folder in tests):
        return
    inline = next((found.start() for found in TEST_MODULE.finditer(text) if found.group(2) == "{"), len(text))
    for token in RUST_TOKEN.finditer(text, 0, inline):
        literal = token.group(0)
        is_doc = literal.startswith(("///", "//!"))
        if not is_doc and literal.startswith(("//", "/*", "'")):
            continue
        bare = PLACEHOLDER.sub(lambda found: "0" * len(found.group(0)), literal)
        bare = CODE.sub(lambda found: re.sub(r"\w", "0", found.group(0)), bare)
        for found in AVOIDED.finditer(bare):
            if found.group(0) not in ALLOWED.get(name, ()):
                number = text.count("\n", 0, token.start() + found.start()) + 1
                yield number, "doc comment" if is_doc else "message", found.group(0), INSTEAD[found.lastindex - 1]


def check_source(name, pages, tests):
    text, begin = (ROOT / name).read_text(encoding="utf-8"), 0
    for number, kind, word, instead in avoided_in_source(name, text, tests):
        yield number, f"`{word}` in a {kind}: write {instead}"
    for number, line in enumerate(text.split("\n"), 1):
        end = begin + len(line)
        if name.endswith(".rs") and len(line) > COLUMNS and not unbreakable(text, begin, end):
            yield number, f"{len(line)} columns, at most {COLUMNS}"
        begin = end + 1
        for found in MENTION.finditer(line):
            problem = dead("README.md", found.group(0), pages)
            if problem:
                yield number, problem


def measure(pages):
    print(f"{'page':<34}{'lines':>7}{'words':>8}{'sentences':>11}{'average':>9}{'longest':>9}{'avoid':>7}{'wide':>6}")
    for name, page in pages.items():
        lengths = [words for _, kind, words, _ in page.sentences() if kind == "text"] or [0]
        cells = [words for _, kind, words, _ in page.sentences() if kind == "cell"]
        avoided, wide = len(list(page.avoided())), sum(map(too_wide, page.lines))
        print(f"{name:<34}{len(page.lines):>7}{sum(lengths):>8}{len(lengths):>11}"
              f"{sum(lengths) / len(lengths):>9.1f}{max(lengths + cells):>9}{avoided:>7}{wide:>6}")
    tests, kinds = set(test_files()), {"message": 0, "doc comment": 0}
    for name in tracked("src/*.rs"):
        for _, kind, _, _ in avoided_in_source(name, (ROOT / name).read_text(encoding="utf-8"), tests):
            kinds[kind] += 1
    for kind, count in kinds.items():
        print(f"src/, {kind + 's':<28}{count:>51}")


def main(arguments):
    pages = {name: Page(name) for name in tracked("*.md")}
    if "--measure" in arguments:
        measure(pages)
        return 0
    problems, tests = 0, set(test_files())
    for name in arguments or [*pages, *tracked("*.rs", "*.yaml", "*.yml", "*.toml")]:
        found = list(check_page(pages[name], pages) if name in pages else check_source(name, pages, tests))
        for number, problem in sorted(found):
            print(f"{name}:{number}: {problem}")
        problems += len(found)
    if problems:
        print(f"error: {problems} problems in what people read", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
