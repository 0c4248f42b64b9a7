// Draws the points and names on the canvas.
function makePainter(data, canvas, view, state) {
  const MAX_NAMES = 400, MAX_TRIES = 4000;
  const context = canvas.getContext("2d");
  const names = data.words.map((word) => (word.length > 40 ? `${[...word].slice(0, 39).join("")}…` : word));
  const widths = [];
  let image = null;
  const font = getComputedStyle(document.body).fontFamily;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

  function trace(target, shape, x, y, radius) {
    if (!shape.length) {
      target.arc(x, y, radius, 0, 2 * Math.PI);
      return;
    }
    shape.forEach(([dx, dy], k) => target[k ? "lineTo" : "moveTo"](x + radius * dx, y + radius * dy));
    target.closePath();
  }

  function radius() {
    const zoom = Math.sqrt(view.scale / Math.max(60, Math.min(view.width, view.height) / 2));
    return Math.max(1.6, Math.min(7, (5.5 - Math.log10(data.words.length)) * Math.min(zoom, 2)));
  }

  // In the order of the words, which is that of their importance.
  function inView() {
    const dx = (view.width / 2 + 20) / view.scale, dy = (view.height / 2 + 20) / view.scale;
    const points = [];
    for (let i = 0; i < data.words.length; i++)
      if (Math.abs(data.x[i] - view.x) <= dx && Math.abs(data.y[i] - view.y) <= dy && state.isShown(i)) points.push(i);
    return points;
  }

  // The pixels of a group's mark around its middle, and how far each is covered, 0 to 1.
  function makeStamp(group, size, opacity) {
    const half = Math.ceil(1.4 * size * view.ratio) + 1, side = 2 * half + 1;
    const own = new OffscreenCanvas(side, side).getContext("2d");
    own.beginPath();
    trace(own, group.shape, half + 0.5, half + 0.5, size * view.ratio);
    own.fill();
    const covered = own.getImageData(0, 0, side, side).data, pixels = [];
    for (let k = 0; k < side * side; k++)
      if (covered[4 * k + 3]) pixels.push([k % side - half, Math.floor(k / side) - half, opacity * covered[4 * k + 3] / 255]);
    return { pixels, half, red: part(group.colour, 1), green: part(group.colour, 3), blue: part(group.colour, 5) };
  }
  const part = (colour, at) => parseInt(colour.slice(at, at + 2), 16);

  // Small groups lie above large ones, and in a group the first words above the others.
  function inOrder(points) {
    const members = data.groups.map(() => []);
    for (let k = points.length - 1; k >= 0; k--) members[data.group[points[k]]].push(points[k]);
    return members.sort((one, other) => other.length - one.length).flat();
  }

  // Pixel by pixel: for 20,000 points that's quicker than anything a canvas draws without a graphics card.
  function drawPoints(points, size) {
    const { width, height } = canvas;
    if (!image || image.width !== width || image.height !== height) image = context.createImageData(width, height);
    const bytes = image.data, back = colour("--back").trim();
    bytes.set([part(back, 1), part(back, 3), part(back, 5), 255]);
    const whole = new Uint32Array(bytes.buffer);
    whole.fill(whole[0]);
    const opacity = state.hits !== null || state.chosen >= 0 ? 0.3 : 0.9;
    const stamps = data.groups.map((group) => makeStamp(group, size, opacity));
    for (const i of inOrder(points)) {
      const x = Math.floor(view.left(data.x[i]) * view.ratio), y = Math.floor(view.top(data.y[i]) * view.ratio);
      const { pixels, half, red, green, blue } = stamps[data.group[i]];
      if (x < half || y < half || x >= width - half || y >= height - half) continue;
      for (const [dx, dy, share] of pixels) {
        const at = 4 * ((y + dy) * width + x + dx);
        bytes[at] += (red - bytes[at]) * share;
        bytes[at + 1] += (green - bytes[at + 1]) * share;
        bytes[at + 2] += (blue - bytes[at + 2]) * share;
      }
    }
    context.putImageData(image, 0, 0);
  }

  function drawMarked(marked, size) {
    for (const i of marked) {
      context.beginPath();
      trace(context, data.groups[data.group[i]].shape, view.left(data.x[i]), view.top(data.y[i]), size * 1.4);
      context.fillStyle = data.groups[data.group[i]].colour;
      context.fill();
      context.strokeStyle = colour("--ink");
      context.lineWidth = 1.5;
      context.stroke();
    }
  }

  function drawLines(i) {
    context.strokeStyle = colour("--soft");
    context.lineWidth = 1;
    context.beginPath();
    for (const other of data.near[i]) {
      if (!state.isShown(other)) continue;
      context.moveTo(view.left(data.x[i]), view.top(data.y[i]));
      context.lineTo(view.left(data.x[other]), view.top(data.y[other]));
    }
    context.stroke();
  }

  // Names where there's room, to the right of the point if it's there; `first` are written anyhow.
  function drawNames(first, others, size) {
    const taken = new Set(), cell = 8, rise = 8, gap = size + 4;
    const squares = (left, top, width) => {
      const found = [];
      for (let x = Math.floor(left / cell); x <= Math.floor((left + width) / cell); x++)
        for (let y = Math.floor((top - rise) / cell); y <= Math.floor((top + rise - 1) / cell); y++)
          found.push(x * 65536 + y);
      return found;
    };
    const isFree = (place) => !place.some((square) => taken.has(square));
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = colour("--back");
    context.fillStyle = colour("--ink");
    let written = 0, tried = 0;
    const write = (i, must) => {
      const width = must ? context.measureText(names[i]).width : (widths[i] ||= context.measureText(names[i]).width);
      const x = view.left(data.x[i]), y = view.top(data.y[i]);
      const places = [[x + gap, y], [x - gap - width, y], [x - width / 2, y + gap + rise], [x - width / 2, y - gap - rise]];
      const free = places.find(([left, top]) => isFree(squares(left, top, width)));
      if (!free && !must) return;
      const [left, top] = free || places[0];
      squares(left, top, width).forEach((square) => taken.add(square));
      context.strokeText(names[i], left, top);
      context.fillText(names[i], left, top);
      written++;
    };
    context.font = `600 13px ${font}`;
    first.forEach((i) => write(i, true));
    context.font = `400 13px ${font}`;
    for (const i of others) {
      if (written > MAX_NAMES || tried++ > MAX_TRIES) break;
      if (!first.has(i)) write(i, false);
    }
  }

  return function paint() {
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    const points = inView(), size = radius(), chosen = state.chosen;
    drawPoints(points, size);
    if (chosen >= 0) drawLines(chosen);
    const near = chosen >= 0 ? data.near[chosen].filter(state.isShown) : [];
    const hits = state.hits ? state.hits.filter(state.isShown) : [];
    const marked = new Set([...(chosen >= 0 ? [chosen] : []), ...near, ...hits]);
    drawMarked(marked, size);
    const first = new Set([...marked].slice(0, 60));
    drawNames(first, chosen < 0 && !state.hits ? points : [], size);
  };
}
