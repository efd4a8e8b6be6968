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

  /* The back button may wake a window that has been decided since: ask the sandbox where the record stands. */
  window.addEventListener("pageshow", function (event) {
    document.documentElement.classList.remove("is-working");
    if (event.persisted) window.location.replace(window.location.href);
  });

  var alertText = document.querySelector("[role=alert]");
  if (alertText) alertText.scrollIntoView({ block: "nearest" });
})();
