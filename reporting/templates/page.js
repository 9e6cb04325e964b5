// Draws every chart of the page from the data block; asks nothing of the network.
(function () {
  "use strict";
  var specs = JSON.parse(document.getElementById("chart-data").textContent);
  var options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted, so the security policy needs no 'unsafe-eval'
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };
  var views = {};
  function draw(node) {
    return vegaEmbed(node, specs[node.dataset.chart], options).then(function (result) {
      views[node.dataset.chart] = result.view;
    });
  }
  var nodes = Array.prototype.slice.call(document.querySelectorAll("[data-chart]"));
  Promise.all(nodes.map(draw)).then(
    function () {
      document.documentElement.dataset.charts = "drawn";
    },
    function (error) {
      document.documentElement.dataset.charts = "failed";
      console.error(error);
    }
  );
  var pick = document.getElementById("territory");
  if (pick) {
    pick.addEventListener("change", function () {
      [views.fan, views.fan_money].forEach(function (view) {
        if (view) view.signal("territory", Number(pick.value)).runAsync();
      });
    });
  }
})();
