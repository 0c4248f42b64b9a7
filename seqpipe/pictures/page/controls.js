// The pointer, the keyboard, the search, the legend.
function makeControls(data, canvas, view, grid, state, changed) {
  const element = (id) => document.getElementById(id);
  const node = (tag, text, parent) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };

  function showCard(i, left, top) {
    const card = element("card");
    card.hidden = i < 0;
    if (i < 0) return;
    card.replaceChildren();
    node("b", data.words[i], card).dir = "auto";
    if (data.groups.length > 1) node("i", data.groups[data.group[i]].name, card);
    const table = node("table", "", card);
    data.near[i].forEach((other, k) => {
      const row = node("tr", "", table);
      node("td", data.words[other], row).dir = "auto";
      node("td", (data.cosines[i][k] / 1000).toFixed(2), row);
    });
    const x = left + 16 + card.offsetWidth > view.width ? left - 16 - card.offsetWidth : left + 16;
    card.style.left = `${Math.max(4, x)}px`;
    card.style.top = `${Math.max(4, Math.min(top + 12, view.height - card.offsetHeight - 4))}px`;
  }

  function choose(i, left, top) {
    state.chosen = i;
    showCard(i, left, top);
    changed();
  }

  function choosePlace(left, top) {
    const x = view.x + (left - view.width / 2) / view.scale;
    const y = view.y - (top - view.height / 2) / view.scale;
    choose(grid.nearest(x, y, 12 / view.scale, state.isShown), left, top);
  }

  function goTo(i) {
    state.hidden.delete(data.group[i]);
    drawLegend();
    view.centre(i, view.closeUp());
    // In the corner, where it covers none of the neighbours.
    choose(i, view.width, view.height);
  }

  // One finger or the mouse moves, two fingers zoom.
  const fingers = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) { choosePlace(event.clientX, event.clientY); return; }
    canvas.classList.add("moving");
    const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
    travelled += Math.abs(dx) + Math.abs(dy);
    const other = [...fingers.values()].find((each) => each.pointerId !== event.pointerId);
    if (other) {
      const apart = (each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      view.zoom(apart(event) / Math.max(1, apart(before)), ...middle);
    }
    view.move(other ? dx / 2 : dx, other ? dy / 2 : dy);
    fingers.set(event.pointerId, event);
    choose(-1);
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("moving");
  };
  canvas.addEventListener("pointerup", (event) => {
    lift(event);
    if (travelled < 5) choosePlace(event.clientX, event.clientY);
  });
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => choose(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
    choosePlace(event.clientX, event.clientY);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => { view.zoom(2, event.clientX, event.clientY); changed(); });

  const keys = {
    "+": () => view.zoom(1.4), "=": () => view.zoom(1.4), "-": () => view.zoom(1 / 1.4),
    "0": view.all, ArrowLeft: () => view.move(60, 0), ArrowRight: () => view.move(-60, 0),
    ArrowUp: () => view.move(0, 60), ArrowDown: () => view.move(0, -60), Escape: () => choose(-1),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
    changed();
  });

  const press = (id, action) => element(id).addEventListener("click", () => { action(); changed(); });
  press("in", () => view.zoom(1.6));
  press("out", () => view.zoom(1 / 1.6));
  press("all", view.all);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const setTheme = (name) => { root.dataset.theme = name; changed(); };
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  press("theme", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));

  const folded = data.words.map((word) => word.toLowerCase());
  function search() {
    const asked = element("search").value.trim().toLowerCase();
    const found = element("found");
    found.replaceChildren();
    state.hits = null;
    state.chosen = -1;
    showCard(-1);
    if (asked) {
      const rank = (i) => (folded[i] === asked ? 0 : folded[i].startsWith(asked) ? 1 : 2);
      const hits = folded.flatMap((word, i) => (word.includes(asked) ? [i] : []));
      state.hits = hits.sort((a, b) => rank(a) - rank(b) || a - b);
      for (const i of state.hits.slice(0, 12)) {
        const button = node("button", data.words[i], found);
        button.dir = "auto";
        button.addEventListener("click", () => goTo(i));
      }
      if (found.firstChild) found.firstChild.className = "first";
      const more = state.hits.length - 12;
      if (!state.hits.length) node("p", "Nothing found.", found);
      else if (more > 0) node("p", `and ${more.toLocaleString()} more`, found);
    }
    changed();
  }
  element("search").addEventListener("input", search);
  element("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && state.hits && state.hits.length) goTo(state.hits[0]);
    if (event.key === "Escape") { element("search").value = ""; search(); }
  });

  function icon(group) {
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("width", 14);
    picture.setAttribute("height", 14);
    picture.setAttribute("viewBox", "-1.4 -1.4 2.8 2.8");
    const shape = document.createElementNS(space, group.shape.length ? "polygon" : "circle");
    if (group.shape.length) shape.setAttribute("points", group.shape.join(" "));
    else shape.setAttribute("r", 1);
    shape.setAttribute("fill", group.colour);
    picture.append(shape);
    return picture;
  }
  function drawLegend() {
    const legend = element("legend");
    legend.replaceChildren();
    if (data.groups.length < 2) return;
    data.groups.forEach((group, number) => {
      const button = node("button", "", legend);
      button.setAttribute("aria-pressed", String(!state.hidden.has(number)));
      button.append(icon(group));
      node("span", group.name, button).dir = "auto";
      node("i", `(${group.size.toLocaleString()})`, button);
      button.title = group.name;
      button.addEventListener("click", () => {
        if (!state.hidden.delete(number)) state.hidden.add(number);
        choose(-1);
        drawLegend();
      });
    });
  }
  drawLegend();
}
