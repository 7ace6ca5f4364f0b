// Draws each table that is marked as a chart; the table stays, for whoever reads it.
"use strict";
(() => {
  if (!window.uPlot) return;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The first column holds moments (ISO 8601), each other one a line; `data-colour` of its head names a colour of the page. With `data-unit="seconds"` they are lengths of time.
  function read(table) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    const columns = heads.map((_, at) =>
      rows.map((row) => {
        const value = row.cells[at].dataset.value;
        if (at === 0) return Date.parse(value) / 1000;
        return value === undefined || value === "" ? null : Number(value);
      }),
    );
    return { heads, columns };
  }

  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

  const two = (number) => String(number).padStart(2, "0");

  // Hours as 14:00, and the day where one begins; days as 11-22.
  function moments(plot, ticks, _axis, _space, step) {
    return ticks.map((tick) => {
      const at = new Date(tick * 1000);
      const day = `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
      if (step >= 86400) return day;
      const hour = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
      return hour === "00:00" ? `${hour}\n${day}` : hour;
    });
  }

  // Round lengths of time, in seconds.
  const LENGTHS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 432000];

  function lengths(plot, ticks, _axis, _space, step) {
    const [unit, name] = step < 60 ? [1, "s"] : step < 3600 ? [60, "min"] : [3600, "h"];
    return ticks.map((tick) => (tick ? `${short.format(tick / unit)} ${name}` : "0"));
  }

  function stacked(columns) {
    const [x, ...ys] = columns;
    let under = x.map(() => 0);
    const tops = ys.map((y) => (under = under.map((sum, at) => sum + (y[at] || 0))));
    return [x, ...tops.reverse()];
  }

  function draw(table) {
    const place = document.createElement("div");
    place.className = "plot";
    place.setAttribute("aria-hidden", "true");
    table.closest("figure").querySelector(".plot")?.remove();
    table.closest("figure").prepend(place);
    const { heads, columns } = read(table);
    const bars = table.dataset.chart === "bars";
    const series = heads.slice(1).map((head) => {
      const stroke = colour(head.dataset.colour);
      return bars
        ? { label: head.textContent, stroke, fill: stroke, width: 0, points: { show: false }, paths: window.uPlot.paths.bars({ size: [0.8, 40] }) }
        : { label: head.textContent, stroke, width: 2, spanGaps: false, points: { size: 5, stroke, fill: stroke } };
    });
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    // Half a bar stands before the first moment, and half a bar behind the last.
    const half = bars && columns[0].length > 1 ? (columns[0][1] - columns[0][0]) / 2 : 0;
    const size = () => ({ width: place.clientWidth, height: place.clientHeight });
    const options = {
      ...size(),
      tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false, points: { show: false } },
      scales: { x: { range: (_, low, high) => [low - half, high + half] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
      axes: [{ ...axis, values: moments }, table.dataset.unit === "seconds" ? { ...axis, size: 60, incrs: LENGTHS, values: lengths } : { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) || !bars ? short.format(tick) : "")) }],
      series: [{}, ...(bars ? series.reverse() : series)],
    };
    const plot = new window.uPlot(options, bars ? stacked(columns) : columns, place);
    new ResizeObserver(() => place.isConnected && plot.setSize(size())).observe(place);
  }

  const drawAll = (root) => root.querySelectorAll("table[data-chart]").forEach(draw);
  drawAll(document);
  if (window.htmx) window.htmx.onLoad((part) => (part.matches("table[data-chart]") ? draw(part) : drawAll(part)));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
})();
