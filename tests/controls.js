// Shows the saved controls of an exported page without a kernel and without a network.
//
// nbconvert's pages load the renderer of the controls from a public server. The tests answer that request with this
// file and the `extension.js` that comes with ipywidgets: the same models and views, packed for the classic notebook.
// So this file plays the part of the classic notebook: no kernel, and the saved state that the page holds.
const nothing = () => {};
const embedded = (kind) => [...document.querySelectorAll(`script[type="application/vnd.jupyter.${kind}+json"]`)];
const savedState = JSON.parse(embedded("widget-state")[0].textContent);

class OutputArea {  // the picture of a control is compared elsewhere; here it takes no room
  static registered = null;
  register_mime_type(type, show) { OutputArea.registered = show; }
  clear_output() {}
  fromJSON() {}
}

const kernel = {
  is_connected: () => true,
  comm_info: (target, done) => done({content: {comms: {}}}),
  comm_manager: {register_target: nothing},
};
kernel.comm_manager.kernel = kernel;

window.Jupyter = {
  version: "6.5.7",
  notification_area: {widget: nothing},
  menubar: {actions: {register: nothing}},
  notebook: {
    kernel, container: {on: nothing}, keyboard_manager: {actions: {register: nothing}}, get_cells: () => [],
    metadata: {widgets: {"application/vnd.jupyter.widget-state+json": savedState}},
  },
};
const modules = {
  "base/js/namespace": window.Jupyter, "base/js/events": {on: nothing}, "notebook/js/outputarea": {OutputArea},
};
window.requirejs = (names, done) => done && done(...names.map((name) => modules[name]));
window.requirejs.config = nothing;

window.define = async (needs, factory) => {
  const menu = document.createElement("ul");  // the extension puts its menu before the help menu
  menu.innerHTML = "<li><a id='help_menu'></a></li>";
  document.body.append(menu);
  await factory({uri: "/"}).load_ipython_extension();
  menu.remove();
  const manager = window.Jupyter.notebook.kernel.widget_manager;
  const models = Object.keys(savedState.state);
  while (!models.every((id) => manager.has_model(id))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const script of embedded("widget-view")) {
    const model = await manager.get_model(JSON.parse(script.textContent).model_id);
    const view = await manager.create_view(model);
    const place = document.createElement("div");
    script.before(place);
    view.luminoWidget.constructor.attach(view.luminoWidget, place);
    const children = await Promise.all(view.children_views.views);
    await Promise.all(children.map((child) => child.displayed));
  }
  document.body.dataset.controls = "shown";
};
