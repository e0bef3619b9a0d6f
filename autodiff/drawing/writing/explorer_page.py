"""Style and script of the explorer page. Plain JavaScript, no library; user text is only ever set as `textContent`."""

from ..picture.style import FONT, css

STYLE = (
    f"body{{font:14px/1.45 {FONT}}}"
    + css("""
:root{--ink:$INK;--muted:$MUTED;--line:$CLUSTER_LINE;--forward:$FORWARD;--grad:$GRAD;--focus:$FOCUS}
*{box-sizing:border-box}
body{margin:0;height:100vh;display:grid;grid-template:auto 1fr/1fr 300px;color:var(--ink);background:$WHITE}
header{grid-column:1/3;display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:8px 14px;
  border-bottom:1px solid var(--line)}
h1{font-size:15px;margin:0 10px 0 0}
button,input{font:inherit;color:inherit;border:1px solid $BORDER;background:$WHITE;border-radius:5px;padding:4px 10px}
button:hover{background:$INPUT_FILL}
button:focus-visible,input:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
#step{width:170px;padding:0}#phase{min-width:150px;
  font-weight:bold}#phase.backward{color:var(--grad)}#find{margin-left:auto;width:190px}
main{overflow:hidden;position:relative;min-width:0;min-height:0}
.view{height:100%}.view[hidden]{display:none}
.view svg{width:100%;height:100%;display:block;cursor:grab;touch-action:none}
aside{border-left:1px solid var(--line);padding:14px;overflow:auto;background:$CLUSTER_FILL}
aside h2{font-size:16px;margin:0 0 8px;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:4px 12px;margin:0}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}dd.grad{color:var(--grad);font-weight:bold}
.hint,.alt{color:var(--muted);font-size:12px;margin-top:16px}
.problem{color:$ERROR;font-weight:bold;margin:10px 0 0}
.node,.cluster{cursor:pointer}.node:focus,.cluster:focus{outline:none}
.node,.edge,.edge-label{transition:opacity .15s}
.future{opacity:.16}.silent{visibility:hidden}.nograd .grad{visibility:hidden}
.halo{fill:none;stroke:none;stroke-width:4;pointer-events:none}
.node.now .halo{stroke:var(--forward)}.node.nowback .halo{stroke:var(--grad)}.node.hit .halo{stroke:var(--focus);
  stroke-dasharray:7 4}
.node.chosen .halo{stroke:var(--ink)}.node:focus-visible .halo{stroke:var(--focus)}
.edge.flow path{stroke:$GRAD;stroke-width:2.6;stroke-dasharray:7 5;animation:flow .7s linear infinite}
@keyframes flow{to{stroke-dashoffset:12}}
.cover{fill:$COVER_FILL;stroke:$BORDER;cursor:pointer}.fold text{font-weight:bold;font-size:13px;fill:$INK;
  pointer-events:none}
.fold:not(.shut) .cover{fill:transparent;stroke:none;pointer-events:none}.fold:not(.shut) text{display:none}
.fold:focus{outline:none}.fold:focus-visible .cover{stroke:$FOCUS;stroke-width:3}
@media (prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
@media (max-width:760px){body{grid-template:auto 1fr 220px/1fr}header{grid-column:1}aside{border-left:0;
  border-top:1px solid var(--line)}}
""")
)

SCRIPT = """
(() => {
"use strict";
const all = JSON.parse(document.getElementById("data").textContent), words = all.words;
const byId = id => document.getElementById(id), NS = "http://www.w3.org/2000/svg";
const make = (name, given) => {const made = document.createElementNS(NS, name);
  for (const key in given) made.setAttribute(key, given[key]); return made};
const text = (name, content, css) => {const made = document.createElement(name); made.textContent = content;
  if (css) made.className = css; return made};
const views = all.views.map((data, k) => {
  const holder = byId("view" + k), svg = holder.querySelector("svg"), node = {}, edge = {}, label = {}, fold = {};
  svg.removeAttribute("width"); svg.removeAttribute("height");
  for (const title of svg.querySelectorAll(".edge > title, .cluster > title, .node > title")) title.remove();
  for (const id in data.nodes) {
    const group = byId(data.prefix + "-" + id), info = data.nodes[id], box = group.getBBox();
    node[id] = group; group.tabIndex = 0; group.setAttribute("role", "button");
    group.setAttribute("aria-label", [info.label, info.shape, info.dtype, info.grad ? words.grad +
      " " + info.grad : words.nograd].filter(Boolean).join(", "));
    group.append(make("rect", {class: "halo", x: box.x - 3, y: box.y - 3, width: box.width + 6,
      height: box.height + 6, rx: 5}));
    group.addEventListener("pointerenter", () => show(id)); group.addEventListener("focus", () => show(id));
    group.addEventListener("click", event => {event.stopPropagation(); choose(id)});
  }
  for (const [id] of data.edges) {
    edge[id] = byId(data.prefix + "-" + id);
    label[id] = [...svg.querySelectorAll('[data-edge="' + data.prefix + "-" + id + '"]')];
  }
  for (const id in data.modules) {
    const frame = byId(data.prefix + "-" + id); if (!frame) continue;
    const box = frame.querySelector("path,polygon,rect").getBBox(), info = data.modules[id];
    const group = make("g", {class: "fold", tabindex: 0, role: "button", "aria-expanded": "true",
      "aria-label": info.title});
    const name = make("text", {x: box.x + box.width / 2, y: box.y + box.height / 2, "text-anchor": "middle"});
    name.textContent = info.title + " \\u00b7 " + info.count;
    group.append(make("rect", {class: "cover", x: box.x, y: box.y, width: box.width, height: box.height, rx: 12}),
      name);
    frame.parentNode.append(group); fold[id] = group;
    const flip = event => {event.stopPropagation(); shut(group, !group.classList.contains("shut"))};
    group.addEventListener("click", flip); frame.addEventListener("click", flip);
  }
  const base = svg.viewBox.baseVal, home = [base.x, base.y, base.width, base.height];
  return {data, holder, svg, node, edge, label, fold, home, frame: [...home]};
});
let at = 0, chosen = null, hits = [], next = 0, now = 0;
const view = () => views[at];
function shut(group, on) {group.classList.toggle("shut", on); group.setAttribute("aria-expanded", String(!on))}
function row(list, key, value, css) {if (value) list.append(text("dt", key), text("dd", value, css))}
function show(id) {
  const {data} = view(), info = data.nodes[id], panel = byId("panel"), list = document.createElement("dl");
  const names = ids => [...new Set(ids)].map(other => data.nodes[other].label).join(", ");
  row(list, words.kind, info.kind); row(list, words.operation, info.op); row(list, words.shape, info.shape); row(list,
    words.dtype, info.dtype);
  row(list, words.value, info.value); row(list, words.module, info.module); row(list, words.source, info.source);
  row(list, words.local, info.local); row(list, words.grad, info.grad || words.nograd, info.grad ? "grad" : "");
  const lines = data.edges.filter(e => e[3] === "value" || e[3] === "nan" || e[3] === "weight");
  row(list, words.from, names(lines.filter(e => e[2] === id).map(e => e[1]))); row(list, words.to,
    names(lines.filter(e => e[1] === id).map(e => e[2])));
  panel.replaceChildren(text("h2", info.label), list);
  if (info.note) panel.append(text("p", info.note, "problem"));
  panel.append(text("p", words.hint, "hint"));
}
function choose(id) {if (chosen && view().node[chosen]) view().node[chosen].classList.remove("chosen"); chosen = id;
  view().node[id].classList.add("chosen"); show(id)}
function step(k) {
  const {data, node, edge, label} = view(), F = data.forward, B = data.backward, total = F.length + B.length,
    phase = byId("phase");
  now = Math.max(0, Math.min(total, k)); byId("step").max = total; byId("step").value = now;
  for (const id in node) node[id].classList.remove("future", "nograd", "now", "nowback");
  for (const id in edge) for (const part of [edge[id], ...label[id]]) part.classList.remove("future", "silent", "flow");
  phase.className = ""; phase.textContent = words.whole;
  if (!now) return;
  const back = Math.max(0, now - F.length), done = new Set(F.slice(0, Math.min(now, F.length))), ready = new Set(done);
  for (const [, source, target, kind] of data.edges) if (kind === "value" && done.has(target)) ready.add(source);
  if (back) for (const id in node) ready.add(id);
  const ran = new Set(B.slice(0, back)), have = new Set(back ? [B[0], ...data.outputs] : []);
  for (const [, source, target, kind] of data.edges) if (kind !== "update" && ran.has(target)) have.add(source);
  for (const id in node) {node[id].classList.toggle("future", !ready.has(id)); node[id].classList.toggle("nograd",
    !have.has(id))}
  for (const [id, source, target, kind] of data.edges) {
    const parts = [edge[id], ...label[id]];
    if (kind === "gradient" || kind === "update") {for (const part of parts) part.classList.toggle("silent",
      kind === "update" ? now < total : !(ran.has(target) || (data.outputs.includes(target) && back)))}
    else for (const part of parts) part.classList.toggle("future", !(ready.has(source) && ready.has(target)));
  }
  if (!back) {const id = F[now - 1]; node[id].classList.add("now"); phase.textContent = words.forward + " " + now +
    " / " + F.length; show(id)}
  else {
    const id = B[back - 1]; node[id].classList.add("nowback"); phase.className = "backward";
      phase.textContent = words.backward + " " + back + " / " + B.length; show(id);
    const both = data.edges.some(e => e[3] === "gradient" && e[2] === id);
    for (const [name, source, target, kind] of data.edges) if (target === id && data.nodes[source].grad &&
      kind === (both ? "gradient" : "value")) edge[name].classList.add("flow");
  }
}
function search() {
  const wanted = byId("find").value.trim().toLowerCase(), {data, node} = view(); hits = []; next = 0;
  for (const id in node) {
    const info = data.nodes[id], found = wanted && [info.label, info.op, info.shape, info.dtype, info.module,
      info.source].join(" ").toLowerCase().includes(wanted);
    node[id].classList.toggle("hit", Boolean(found)); if (found) hits.push(id);
  }
  byId("hits").textContent = wanted ? hits.length + " " + (hits.length === 1 ? words.match : words.matches) : "";
  if (hits.length) show(hits[0]);
}
function foldAll() {
  if (views.length > 1) {
    at = 1 - at; views.forEach((one, k) => {one.holder.hidden = k !== at}); chosen = null;
      byId("fold").textContent = at ? words.unfold : words.fold; search(); step(0); start(); return;
  }
  const groups = Object.values(view().fold), open = groups.some(group => !group.classList.contains("shut"));
  for (const group of groups) shut(group, open);
  byId("fold").textContent = open ? words.unfold : words.fold;
}
const draw = () => view().svg.setAttribute("viewBox", view().frame.join(" "));
const start = () => {const F = view().data.forward, ids = Object.keys(view().node);
  if (ids.length) show(F.length ? F[F.length - 1] : ids[0])};
byId("step").addEventListener("input", () => step(Number(byId("step").value)));
byId("prev").addEventListener("click", () => step(now - 1)); byId("next").addEventListener("click",
  () => step(now + 1));
byId("fit").addEventListener("click", () => {view().frame = [...view().home]; draw()});
byId("fold").addEventListener("click", foldAll); byId("find").addEventListener("input", search);
byId("find").addEventListener("keydown", event => {
  if (event.key === "Enter" && hits.length) choose(hits[next++ % hits.length]);
  if (event.key === "Escape") {byId("find").value = ""; search(); byId("find").blur()}
});
addEventListener("keydown", event => {
  const typing = event.target.id === "find", onSlider = event.target.id === "step";
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowRight" && !onSlider) {step(now + 1); event.preventDefault()}
  if (event.key === "ArrowLeft" && !onSlider) {step(now - 1); event.preventDefault()}
  if (event.key === "/") {byId("find").focus(); event.preventDefault()}
  if (event.key === "Enter" || event.key === " ") {
    const group = event.target.closest ? event.target.closest(".node,.fold") : null; if (!group) return;
    event.preventDefault();
    if (group.classList.contains("fold")) shut(group, !group.classList.contains("shut"));
    else choose(Object.keys(view().node).find(id => view().node[id] === group));
  }
});
let drag = null;
for (const one of views) {
  one.svg.addEventListener("wheel", event => {
    event.preventDefault(); const scale = event.deltaY < 0 ? 0.85 : 1 / 0.85;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(one.svg.getScreenCTM().inverse()), [x, y,
      w, h] = one.frame;
    one.frame = [point.x - (point.x - x) * scale, point.y - (point.y - y) * scale, w * scale, h * scale]; draw();
  }, {passive: false});
  one.svg.addEventListener("pointerdown", event => {drag = [event.clientX, event.clientY]});
}
addEventListener("pointermove", event => {
  if (!drag) return;
  const one = view(), scale = 1 / one.svg.getScreenCTM().a;
  one.frame[0] -= (event.clientX - drag[0]) * scale; one.frame[1] -= (event.clientY - drag[1]) * scale;
    drag = [event.clientX, event.clientY]; draw();
});
addEventListener("pointerup", () => {drag = null});
if (views.length < 2 && !Object.keys(view().fold).length) byId("fold").hidden = true;
step(0); start();
views.forEach((one, k) => {one.holder.hidden = k !== 0});
document.body.dataset.ready = "yes";
})();
"""
