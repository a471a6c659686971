// The widgets look for their icon fonts beside the modules that bring them: here those names are a folder of ours. Loaded
// between require.js and the widgets.
{
  const vendor = new URL("vendor/html-manager", document.currentScript.src).href;
  requirejs.config({ paths: {
    "@jupyter-widgets/html-manager": `${vendor}/embed-amd`,
    "@jupyter-widgets/html-manager/dist": vendor,
  } });
}
