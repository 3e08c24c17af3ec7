#!/usr/bin/env python3
"""Takes the picture of any page: screenshot.py URL PNG [TEXT ...] waits until each TEXT is shown."""

import argparse

from harness.browser import Browser


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("png")
    parser.add_argument("text", nargs="*")
    parser.add_argument("--size", default="900x700", help="window, WIDTHxHEIGHT (default %(default)s)")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with Browser(width, height) as browser:
        browser.open(arguments.url)
        browser.wait_text(*arguments.text)
        browser.picture(arguments.png)


if __name__ == "__main__":
    main()
