// Search, filters and sorting for the index of trials. Without a script the table is whole and in order.
(() => {
  "use strict";
  const figure = document.querySelector('figure[id^="fig-trial-index"]');
  const table = figure && figure.querySelector("table");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const cell = (row, label) => row.querySelector(`[data-label="${label}"]`);
  const lines = (element) => [...element.children].map((line) => line.textContent.trim());
  // Behind the name stands unseen what can be chosen: "Year of report: 2019; Status: completed; Background: not read; ".
  const of = (row, name) => (row.cells[0].textContent.match(new RegExp(`${name}: (.*?); `)) || ["", ""])[1];

  // What can be chosen: its name, and the values that a row has of it.
  const facets = [
    ["Disease", (row) => cell(row, "Disease").textContent.trim().split(", ")],
    ["Drug or procedure", (row) => lines(cell(row, "Treatment and class"))[0].split("; ")],
    ["Class", (row) => (lines(cell(row, "Treatment and class"))[1] || "").split("; ")],
    ["Design", (row) => [lines(cell(row, "Design"))[0]]],
    ["Background", (row) => [of(row, "Background")]],
    ["Status", (row) => [of(row, "Status")]],
    ["Year of report", (row) => [of(row, "Year of report")]],
    ["Read", (row) => [cell(row, "Read").textContent.trim()]],
  ];
  const orders = [
    ["newest first", (row) => -Number(of(row, "Year of report"))],
    ["oldest first", (row) => Number(of(row, "Year of report")) || 9999],
    ["name", (row) => row.cells[0].querySelector("a").textContent.toLowerCase()],
    ["most patients", (row) => -Number((cell(row, "Patients").textContent.match(/\d+/) || [0])[0])],
  ];

  const form = document.createElement("form");
  form.className = "ctd-filters";
  form.addEventListener("submit", (event) => event.preventDefault());
  const labelled = (name, control) => {
    const label = document.createElement("label");
    label.append(name, control);
    form.append(label);
    return control;
  };
  const select = (name, options, all) => {
    const control = document.createElement("select");
    if (all) control.append(new Option(all, ""));
    options.forEach((option) => control.append(new Option(option, option)));
    return labelled(name, control);
  };

  const search = labelled("Search", Object.assign(document.createElement("input"), { type: "search" }));
  const chosen = facets.map(([name, values]) => {
    const options = [...new Set(rows.flatMap(values).filter(Boolean))].sort();
    return [select(name, name === "Year of report" ? options.reverse() : options, "any"), values];
  });
  const order = select("Order", orders.map(([name]) => name));
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  const hint = document.createElement("p");
  hint.textContent = "The search also reads whom a study enrolled and what it took or barred beside the treatment: " +
    "a drug that it finds may be one that was barred. To choose by that rule, use Background.";
  form.append(count, hint);

  const caption = table.caption;
  const asBuilt = caption && caption.textContent;

  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word)) && chosen.every(([control, values]) => !control.value || values(row).includes(control.value));
      row.hidden = !fits;
      shown += fits;
    });
    const key = orders.find(([name]) => name === order.value)[1];
    [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)).forEach((row) => table.tBodies[0].append(row));
    count.textContent = `${shown} of ${rows.length} studies`;
    const whole = shown === rows.length && order.value === orders[0][0];
    if (caption) caption.textContent = whole ? asBuilt : `${count.textContent}, ${order.value}.`;
  };
  form.addEventListener("input", update);
  figure.before(form);
  update();
})();
