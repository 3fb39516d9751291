"""A study as one HTML file that needs nothing else and sends nothing: answers are saved by the viewer's browser."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path

from diffdemo.errors import DiffDemoError
from diffdemo.images import to_png
from diffdemo.measure.study.trials import QUESTION, Study
from diffdemo.measure.writing import write_text

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Which is nearer?</title>
<style>
body { margin: 0; background: #777; color: #fff; font: 16px/1.4 system-ui, sans-serif; text-align: center; }
main { padding: 1em; } .row { display: flex; justify-content: center; gap: 12px; flex-wrap: wrap; }
figure { margin: 0; } img { display: block; max-width: 48vw; } figure > button { margin-top: .5em; }
button { font: inherit; padding: .5em 1.4em; } #bar { width: 60%%; } [hidden] { display: none; }
</style>
<main>
<section id="intro"><h1>%(question)s</h1>
<p>You will see the original above two versions of it, %(count)s times. Choose the one that is nearer to the original,
even where you have to guess: by the buttons, or the keys 1 and 2. Look at them from where you usually sit. Nothing is
sent anywhere; at the end you save a file with your answers.</p>
<p><label>A name or number for you, if you like: <input id="viewer" maxlength="80"></label></p>
<button id="begin">Begin</button></section>
<section id="trial" hidden>
<p><progress id="bar" max="%(count)s" value="0"></progress></p>
<div class="row"><figure><img id="original" alt="original"><figcaption>original</figcaption></figure></div>
<p>%(question)s</p>
<div class="row">
<figure><img id="left" alt="first"><button data-side="left">1: this one</button></figure>
<figure><img id="right" alt="second"><button data-side="right">2: this one</button></figure>
</div></section>
<section id="end" hidden><h1>Thank you</h1><p>Please save your answers and send the file to whoever asked you.</p>
<button id="save">Save answers</button></section>
</main>
<script>
const study = %(study)s;
const answers = [];
let shownAt = 0;
const get = (id) => document.getElementById(id);
const source = (token) => 'data:image/png;base64,' + study.pictures[token];
// Another order for every viewer, so that what tires them falls on all questions alike.
for (let i = study.trials.length - 1; i > 0; i--) {
  const j = Math.floor(Math.random() * (i + 1));
  [study.trials[i], study.trials[j]] = [study.trials[j], study.trials[i]];
}
function show() {
  get('bar').value = answers.length;
  const trial = study.trials[answers.length];
  get('trial').hidden = !trial;
  get('end').hidden = !!trial;
  if (!trial) return;
  for (const place of ['original', 'left', 'right']) get(place).src = source(trial[place]);
  shownAt = performance.now();
}
function choose(side) {
  if (get('trial').hidden) return;
  const seconds = Math.round(performance.now() - shownAt) / 1000;
  answers.push({trial: study.trials[answers.length].token, choice: side, seconds: seconds});
  show();
}
get('begin').onclick = () => { get('intro').hidden = true; show(); };
for (const button of document.querySelectorAll('[data-side]')) button.onclick = () => choose(button.dataset.side);
document.onkeydown = (event) => {
  if (event.target.tagName === 'INPUT' || event.repeat) return;
  if (event.key === '1') choose('left');
  if (event.key === '2') choose('right');
};
get('save').onclick = () => {
  const content = {study: study.token, viewer: get('viewer').value, answers: answers};
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content)], {type: 'application/json'}));
  link.download = 'answers-' + study.token + '.json';
  link.click();
};
</script></html>
"""


def write_study(study: Study, path: Path) -> Path:
    """Write the page, and beside it the key, which viewers must not have.

    Args:
        path: of the page; the key's has `.key.json` instead of its suffix.

    Returns:
        The key's path.

    Raises:
        DiffDemoError: there is nothing to ask, or a file cannot be written.
    """
    if not study.trials:
        raise DiffDemoError(
            "There is nothing to ask: no two codecs have files that are so small. Please choose more bits per pixel "
            "(--at)."
        )
    key = path.with_suffix(".key.json")
    encoded = {token: base64.b64encode(to_png(pixels)).decode() for token, pixels in study.pictures.items()}
    content = {"token": study.token, "trials": [asdict(trial) for trial in study.trials], "pictures": encoded}
    page = PAGE % {"question": QUESTION, "count": len(study.trials), "study": json.dumps(content)}
    write_text(key, json.dumps({"study": study.token, "question": QUESTION, "trials": study.key}, indent=1))
    write_text(path, page)
    return key
