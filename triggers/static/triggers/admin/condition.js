// Owns the condition builder: turns a textarea of JSON into nested groups and rows, and writes every change back.
// What kinds there are, their fields and all words come from the page; without this script the textarea stays.

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick" || name === "onchange" || name === "oninput") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

class Builder {
  constructor(box) {
    this.textarea = box.querySelector("textarea");
    const { kinds, words } = JSON.parse(document.getElementById(box.dataset.condition).textContent);
    this.words = words;
    this.groups = kinds.filter((kind) => kind.group);
    this.leaves = kinds.filter((kind) => !kind.group);
    this.kinds = new Map(kinds.map((kind) => [kind.key, kind]));
    this.number = 0;
    this.root = this.read();
    this.place = make("div", { role: "group", "aria-labelledby": this.textarea.id + "_title" });
    box.append(this.place);
    box.classList.add("is-built");
    this.draw();
  }

  // A single condition is shown inside a group of one, so that there is always a place to add the next.
  read() {
    const text = this.textarea.value.trim();
    const tree = text && text !== "null" ? JSON.parse(text) : null;
    if (tree === null) return { kind: this.groups[0].key, of: [this.fresh()] };
    if (typeof tree !== "object" || Array.isArray(tree)) throw new SyntaxError("not a condition");
    this.complete(tree);
    return this.isGroup(tree) ? tree : { kind: this.groups[0].key, of: [tree] };
  }

  // What was stored without a value has the default that the form shows.
  complete(node) {
    if (this.isGroup(node)) node.of.forEach((member) => this.complete(member));
    for (const field of this.kinds.get(node?.kind)?.fields ?? []) {
      if (field.required && field.initial !== null) node[field.name] ??= field.initial;
    }
  }

  write() {
    const single = this.root.kind === this.groups[0].key && this.root.of.length === 1;
    const tree = single ? this.root.of[0] : this.root;
    this.textarea.value = this.root.of.length ? JSON.stringify(tree) : "";
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }

  isGroup(node) {
    return Boolean(this.kinds.get(node?.kind)?.group) && Array.isArray(node.of);
  }

  fresh(key = this.leaves[0].key) {
    const node = { kind: key };
    for (const field of this.kinds.get(key).fields) {
      if (field.initial !== null && field.initial !== undefined) node[field.name] = field.initial;
      else if (field.choices?.length) node[field.name] = field.choices[0][0];
    }
    return node;
  }

  // Draw anew, and put the focus where the person goes on: on the node, or on what adds to its group.
  draw(focus = null) {
    this.focus = null;
    this.place.replaceChildren(this.drawGroup(this.root, null, focus));
    this.focus?.focus();
  }

  change(focus, node = null) {
    this.focused = node && { field: focus, node };
    this.write();
    this.draw(node ? null : focus);
  }

  drawGroup(group, parent, focus) {
    const chosen = make("select", { "aria-label": this.words.group, onchange: (event) => { group.kind = event.target.value; this.write(); } });
    for (const kind of this.groups) chosen.append(make("option", { value: kind.key, selected: kind.key === group.kind }, kind.label));
    const adding = this.button(this.words.add, () => { const node = this.fresh(); group.of.push(node); this.change(node); });
    const head = make("div", { class: "tc-row-head" }, chosen, adding,
      this.button(this.words.addGroup, () => { const node = { kind: this.groups[0].key, of: [this.fresh()] }; group.of.push(node); this.change(node); }));
    if (parent) head.append(this.button(this.words.removeGroup, () => this.remove(group, parent)));
    if (focus === group) this.focus = parent ? chosen : adding;
    const label = this.kinds.get(group.kind).label;
    const box = make("fieldset", { class: "tc-group", "aria-label": label }, head);
    for (const member of group.of) box.append(this.isGroup(member) ? this.drawGroup(member, group, focus) : this.drawRow(member, group, focus));
    return box;
  }

  drawRow(node, group, focus) {
    const row = make("div", { class: "tc-row", role: "group" });
    const kind = this.kinds.get(node?.kind);
    if (kind && !kind.group) this.drawFields(row, node, kind, group, focus);
    else row.append(make("span", { class: "tc-raw-note" }, this.words.unknown + " "), make("code", {}, JSON.stringify(node)));
    row.append(make("div", { class: "tc-actions" },
      this.button(this.words.intoGroup, () => { const wrapped = { kind: this.groups[0].key, of: [node] }; group.of[group.of.indexOf(node)] = wrapped; this.change(wrapped); }),
      this.button(this.words.remove, () => this.remove(node, group)),
    ));
    return row;
  }

  drawFields(row, node, kind, group, focus) {
    const select = make("select", { id: this.id(), onchange: (event) => { const other = this.fresh(event.target.value); group.of[group.of.indexOf(node)] = other; this.change(other); } });
    for (const leaf of this.leaves) select.append(make("option", { value: leaf.key, selected: leaf.key === kind.key }, leaf.label));
    if (focus === node) this.focus = select;
    row.append(make("div", { class: "tc-cell" }, make("label", { for: select.id }, this.words.kind), select));
    for (const field of kind.fields) if (this.isShown(node, kind, field)) row.append(this.drawField(node, field, kind));
  }

  isShown(node, kind, field) {
    if (!field.shownWhen) return true;
    const [name, values] = field.shownWhen;
    return values.includes(String(node[name] ?? kind.fields.find((one) => one.name === name)?.initial ?? ""));
  }

  // When other fields depend on this one, the row is drawn anew, and this field keeps the focus.
  drawField(node, field, kind) {
    const id = this.id();
    const decides = kind.fields.some((one) => one.shownWhen?.[0] === field.name);
    const set = (value) => {
      if (value === "" || value === false) delete node[field.name];
      else node[field.name] = value;
      if (decides) this.change(field, node);
      else this.write();
    };
    const hint = field.help ? make("span", { class: "tc-hint", id: id + "_hint" }, field.help) : "";
    const shared = { id, required: field.required && field.type !== "checkbox", "aria-describedby": hint ? hint.id : null };
    const label = make("label", { for: id }, field.label);
    const value = node[field.name] ?? "";
    if (field.type === "checkbox") {
      const box = make("input", { ...shared, type: "checkbox", checked: Boolean(value), onchange: (event) => set(event.target.checked) });
      return make("div", { class: "tc-cell tc-check" }, box, label, hint);
    }
    const input = this.drawInput(field, shared, String(value), set);
    if (this.focused?.field === field && this.focused.node === node) this.focus = input;
    return make("div", { class: "tc-cell" }, label, input, hint);
  }

  drawInput(field, shared, value, set) {
    if (field.type === "select") {
      const select = make("select", { ...shared, onchange: (event) => set(event.target.value) });
      const choices = field.choices.some(([one]) => one === value) ? field.choices : [[value, value || "–"], ...field.choices];
      for (const [one, text] of choices) select.append(make("option", { value: one, selected: one === value }, text));
      return select;
    }
    const oninput = (event) => set(event.target.value);
    if (field.type === "textarea") return make("textarea", { ...shared, rows: 2, placeholder: field.placeholder, oninput }, value);
    const type = field.type === "decimal" ? { type: "number", step: "any" } : { type: field.type };
    return make("input", { ...shared, ...type, value, list: field.suggestions, placeholder: field.placeholder, oninput });
  }

  remove(node, group) {
    group.of.splice(group.of.indexOf(node), 1);
    this.change(group);
  }

  button(text, onclick) {
    return make("button", { type: "button", class: "tc-mini", onclick }, text);
  }

  id() {
    this.number += 1;
    return `${this.textarea.id}_${this.number}`;
  }
}

for (const box of document.querySelectorAll("[data-condition]")) {
  try {
    new Builder(box);
  } catch (error) {
    // What stands in the textarea is not a condition: the person mends it there.
    if (!(error instanceof SyntaxError)) throw error;
  }
}
