// Search, filters and sorting for the index of trials. Without a script the table is whole and in order.
(() => {
  "use strict";
  const figure = document.querySelector('figure[id^="fig-trial-index"]');
  const table = figure && figure.querySelector("table");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const cell = (row, label) => row.querySelector(`[data-label="${label}"]`);
  const lines = (element) => [...element.children].map((line) => line.textContent.trim());
  const head = (row) => lines(row.cells[0]);

  // What can be chosen: its name, and the values that a row has of it.
  const facets = [
    ["Disease", (row) => cell(row, "Disease").textContent.trim().split(", ")],
    ["Drug or procedure", (row) => lines(cell(row, "Treatment and class"))[0].split(", ")],
    ["Class", (row) => (lines(cell(row, "Treatment and class"))[1] || "").split(", ")],
    ["Design", (row) => [lines(cell(row, "Design"))[0]]],
    ["Year", (row) => [head(row)[1]]],
    ["Read", (row) => [cell(row, "Read").textContent.trim()]],
  ];
  const orders = [
    ["newest first", (row) => -(Number(head(row)[1]) || 0)],
    ["oldest first", (row) => Number(head(row)[1]) || 9999],
    ["name", (row) => head(row)[0].toLowerCase()],
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
    return [select(name, name === "Year" ? options.reverse() : options, "any"), values];
  });
  const order = select("Order", orders.map(([name]) => name));
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  form.append(count);

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
  };
  form.addEventListener("input", update);
  figure.before(form);
  update();
})();
