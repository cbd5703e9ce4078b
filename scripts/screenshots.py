"""Take the pictures of a report that the README shows: at the width of a desk, and of a phone in the dark.

python scripts/screenshots.py runs/bbc-news/report.html docs/pictures
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TYPED = "The striker scored twice in the second half to win the cup, and shares in his club rose"
NARROW = 600
PICTURES = {"report.png": (1180, 860, "light"), "report-phone.png": (390, 780, "dark")}


def main() -> None:
    """Take all pictures."""
    page, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        sys.exit("There is no Chromium: run apt install chromium.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, (width, height, scheme) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            window = context.new_page()
            window.goto(page.as_uri())
            if window.locator("#typed").count():
                window.wait_for_selector("html[data-ready]")
                window.fill("#typed", TYPED)
                if width < NARROW:  # where the box would be cut off
                    window.evaluate("document.getElementById('try').scrollIntoView()")
            window.screenshot(path=folder / name)
            context.close()
            print(folder / name)
        browser.close()


if __name__ == "__main__":
    main()
