// What's shown of the plane: a centre, in units of the points, and how many pixels a unit has.
function makeView(data, canvas) {
  const view = { x: 0, y: 0, scale: 1, width: 0, height: 0 };
  const least = () => 0.3 * whole();
  const whole = () => Math.max(60, Math.min(view.width - 120, view.height - 120)) / 2;

  view.resize = () => {
    const before = view.width ? view.scale / whole() : 1;
    view.width = canvas.clientWidth;
    view.height = canvas.clientHeight;
    view.ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(view.width * view.ratio);
    canvas.height = Math.round(view.height * view.ratio);
    view.scale = before * whole();
  };
  view.all = () => { view.x = view.y = 0; view.scale = whole(); };
  view.left = (x) => view.width / 2 + (x - view.x) * view.scale;
  view.top = (y) => view.height / 2 - (y - view.y) * view.scale;
  view.move = (dx, dy) => {
    const within = (value) => Math.max(-1.5, Math.min(1.5, value));
    view.x = within(view.x - dx / view.scale);
    view.y = within(view.y + dy / view.scale);
  };
  // The place under the pointer stays under it.
  view.zoom = (factor, left = view.width / 2, top = view.height / 2) => {
    const scale = Math.max(least(), Math.min(1e5, view.scale * factor));
    const dx = left - view.width / 2, dy = top - view.height / 2;
    view.x += dx / view.scale - dx / scale;
    view.y -= dy / view.scale - dy / scale;
    view.scale = scale;
    view.move(0, 0);
  };
  view.centre = (i, scale) => { view.x = data.x[i]; view.y = data.y[i]; view.scale = scale; };
  view.closeUp = () => Math.max(view.scale, whole() * Math.max(1, Math.sqrt(data.words.length) / 12));
  return view;
}

// The points by squares of the plane, so that the nearest is found without asking all.
function makeGrid(data) {
  const side = Math.max(1, Math.min(256, Math.round(Math.sqrt(data.words.length / 2))));
  const cells = Array.from({ length: side * side }, () => []);
  const cell = (value) => Math.max(0, Math.min(side - 1, Math.floor((value + 1) / 2 * side)));
  data.x.forEach((x, i) => cells[cell(data.y[i]) * side + cell(x)].push(i));

  function* within(left, bottom, right, top) {
    for (let row = cell(bottom); row <= cell(top); row++)
      for (let column = cell(left); column <= cell(right); column++)
        yield* cells[row * side + column];
  }

  // The nearest point that's shown, at most `reach` away; -1 if there's none.
  function nearest(x, y, reach, isShown) {
    let best = -1, least = reach * reach;
    for (const i of within(x - reach, y - reach, x + reach, y + reach)) {
      const dx = data.x[i] - x, dy = data.y[i] - y, distance = dx * dx + dy * dy;
      if (distance <= least && isShown(i)) { least = distance; best = i; }
    }
    return best;
  }
  return { nearest };
}
