// Says the number under the pointer.
(() => {
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const readout = document.getElementById("readout");
document.querySelectorAll("[data-cell]").forEach((drawing) => {
  const cell = data.cells[Number(drawing.dataset.cell)];
  drawing.querySelectorAll("g.strip").forEach((group, k) => {
    const strip = cell.strips[k], levels = Uint8Array.from(atob(strip.levels), (c) => c.charCodeAt(0));
    const image = group.querySelector("image"), columns = data.words.length, rows = cell.order.length;
    group.addEventListener("pointermove", (event) => {
      const box = image.getBoundingClientRect();
      const within = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
      const column = within((event.clientX - box.left) / box.width, columns);
      const row = within((event.clientY - box.top) / box.height, rows);
      const value = strip.low + levels[row * columns + column] / 254 * (strip.high - strip.low);
      readout.textContent = `${strip.name} of unit ${cell.place}.${cell.order[row]} at “${data.words[column]}” (word ${column}): ${value.toFixed(2)}`;
    });
    group.addEventListener("pointerleave", () => { readout.textContent = ""; });
  });
});
})();
