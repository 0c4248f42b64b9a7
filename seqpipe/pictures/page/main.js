const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("plane");
const state = { chosen: -1, hits: null, hidden: new Set() };
state.isShown = (i) => !state.hidden.has(data.group[i]);
const view = makeView(data, canvas);
const grid = makeGrid(data);
const paint = makePainter(data, canvas, view, state);
let waiting = false;
const changed = () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; paint(); });
};
view.resize();
view.all();
makeControls(data, canvas, view, grid, state, changed);
window.addEventListener("resize", () => { view.resize(); changed(); });
changed();
