/* The window's own script: one submission at a time, and the result handed to the page around. */
(function () {
  "use strict";

  var delivery = document.getElementById("delivery");
  var dismiss = document.querySelector("[data-dismiss]");
  var isFramed = window.parent !== window;

  function tell() {
    var parcel = JSON.parse(delivery.textContent);
    window.parent.postMessage(parcel.message, parcel.origin);
  }

  if (delivery && isFramed && !dismiss) tell();
  if (dismiss && isFramed) dismiss.addEventListener("click", tell);
  else if (dismiss) dismiss.hidden = true;

  document.addEventListener("submit", function (event) {
    var root = document.documentElement;
    if (root.classList.contains("is-working")) return event.preventDefault();
    root.classList.add("is-working");
  });

  window.addEventListener("pageshow", function () {
    document.documentElement.classList.remove("is-working");
  });

  var alertText = document.querySelector("[role=alert]");
  if (alertText) alertText.scrollIntoView({ block: "nearest" });
})();
