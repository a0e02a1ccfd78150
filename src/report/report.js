"use strict";
document.documentElement.classList.add("has-script");

// "1e-3 ± 2e-4" sorts as 0.001 and "< 1e-7" as its bound; what is not a number comes last either way.
const numberOf = (text) => {
  const match = /^[<>≤≥~\s]*([-+−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+−]?inf)(?![\w.])/i.exec(text.replaceAll(",", ""));
  return match ? Number(match[1].replace("−", "-").replace(/inf/i, "Infinity")) : NaN;
};

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const numeric = header.classList.contains("number");
      const rows = [...body.rows].map((row) => {
        const text = row.cells[column].textContent.trim();
        return { row, text, number: numberOf(text) };
      });
      rows.sort((a, b) => {
        if (!numeric) return sign * a.text.localeCompare(b.text, "en", { numeric: true });
        if (Number.isNaN(a.number) || Number.isNaN(b.number)) return Number.isNaN(a.number) - Number.isNaN(b.number);
        return a.number === b.number ? 0 : sign * (a.number < b.number ? -1 : 1);
      });
      body.append(...rows.map((entry) => entry.row));
    });
  });
}

for (const input of document.querySelectorAll("input[data-filters]")) {
  const body = document.getElementById(input.dataset.filters).tBodies[0];
  const shown = document.getElementById(input.dataset.filters + "-shown");
  const texts = new Map([...body.rows].map((row) => [row, row.textContent.toLowerCase()]));
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of texts) {
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = words.length ? `${count} of ${texts.size} rows` : "";
  });
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  button.addEventListener("click", async () => {
    // Pages opened from a file may not have the clipboard; the selection is then ready to be copied by hand.
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      select();
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
