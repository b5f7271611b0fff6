// The page around the diagrams: the theme, tables that sort, code that copies, contents that follow.

import { startDiagrams } from "./time_space.js";

const SCHEME = matchMedia("(prefers-color-scheme: dark)");

function startTheme(root) {
  const button = document.querySelector(".theme");
  const isDark = () => (root.dataset.theme ?? (SCHEME.matches ? "dark" : "light")) === "dark";
  const announce = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show the page in ${isDark() ? "light" : "dark"} colours`);
    root.dispatchEvent(new Event("appearance"));
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    announce();
  });
  SCHEME.addEventListener("change", announce);
  // Canvases do not follow a style sheet: on paper they must be painted in light colours too.
  for (const [moment, isPrinting] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(moment, () => {
      root.toggleAttribute("data-printing", isPrinting);
      root.dispatchEvent(new Event("appearance"));
    });
  }
  announce();
  button.hidden = false;
}

function startTable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const isDescending = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => compareCells(a.cells[column], b.cells[column], isDescending));
      table.tBodies[0].append(...rows);
    });
  });
}

// Numbers come before text, and empty cells last, whichever way the column is sorted.
function compareCells(a, b, isDescending) {
  const [left, right] = [cellKey(a), cellKey(b)];
  if (left.rank !== right.rank) return left.rank - right.rank;
  const order = left.rank === 0 ? left.number - right.number : left.text.localeCompare(right.text, "en", { numeric: true });
  return isDescending ? -order : order;
}

function cellKey(cell) {
  const text = cell.textContent.trim();
  const isNumber = cell.dataset.key !== undefined;
  const number = { inf: Infinity, "-inf": -Infinity }[cell.dataset.key] ?? Number(cell.dataset.key);
  return { text, number, rank: isNumber ? 0 : text === "" || text === "–" ? 2 : 1 };
}

function startCode(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  block.append(button);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(block.querySelector("code"))) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// Browsers refuse the clipboard to some pages opened from disk; then the text is selected for the reader to copy.
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}

function startContents(nav) {
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const follow = () => {
    let current = null;
    for (const id of links.keys()) {
      if (document.getElementById(id).getBoundingClientRect().top <= innerHeight / 3) current = id;
    }
    for (const [id, link] of links) {
      if (id === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", follow, { passive: true });
  follow();
}

startTheme(document.documentElement);
document.querySelectorAll("table").forEach(startTable);
document.querySelectorAll(".code").forEach(startCode);
document.querySelectorAll("nav").forEach(startContents);
await startDiagrams(document.querySelectorAll(".time-space"));
document.documentElement.dataset.ready = "true";
