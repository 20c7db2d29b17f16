"""What the demo prints: steps, one line of progress that rewrites itself on a terminal, a table and verdicts."""

import os
import shutil
import sys
import time

COLOURS = {"green": "32", "red": "31", "dim": "2", "bold": "1"}


class Display:
    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.terminal and not os.environ.get("NO_COLOR")
        self.encodes = can_encode(stream, "█░✓✗")
        self.live = False
        self.last_line = 0.0

    def paint(self, text, colour):
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self.colours else text

    def say(self, text=""):
        self.end_live()
        print(text, file=self.stream, flush=True)

    def step(self, text):
        self.say(f"{self.paint('==', 'bold')} {text}")

    def progress(self, done, total, text):
        """The state of things: in place on a terminal, else a line every three seconds."""
        full, empty = ("█", "░") if self.encodes else ("#", ".")
        width = 24
        filled = width * done // total
        line = f"   {full * filled}{empty * (width - filled)} {done:>5,} of {total:,}   {text}"
        if self.terminal:
            line = line[: shutil.get_terminal_size().columns - 1]
            print(f"\r\033[K{line}", end="", file=self.stream, flush=True)
            self.live = True
        elif time.monotonic() - self.last_line >= 3:
            self.last_line = time.monotonic()
            print(line, file=self.stream, flush=True)

    def end_live(self):
        if self.live:
            print(file=self.stream)
            self.live = False

    def table(self, headings, rows):
        """Rows of text under headings: the first column and what begins with a number and has words go to the left."""
        widths = [max(map(len, column)) for column in zip(headings, *rows)]
        left = [index == 0 or " " in rows[0][index] for index in range(len(headings))]
        for row in (headings, *rows):
            cells = (f"{cell:<{width}}" if at_left else f"{cell:>{width}}" for cell, width, at_left in zip(row, widths, left))
            line = "   " + "   ".join(cells).rstrip()
            self.say(self.paint(line, "dim") if row is headings else line)

    def verdict(self, good, text):
        sign = ("✓" if good else "✗") if self.encodes else ("ok:" if good else "FAILED:")
        self.say(self.paint(f"   {sign} {text}", "green" if good else "red"))


def can_encode(stream, text):
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
