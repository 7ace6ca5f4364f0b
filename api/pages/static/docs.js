// Begins Swagger UI over our own document, in the colours that the reader's system has.
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", colour);
  colour();

  // Swagger UI writes the key that was pasted into the command that it shows: no page of ours shows a key.
  function withoutKey(request) {
    return request && request.hasIn(["headers", "Authorization"])
      ? request.setIn(["headers", "Authorization"], "Bearer lf_…")
      : request;
  }

  const keepKeysOut = () => ({
    wrapComponents: {
      RequestSnippets: (Original, system) => (props) =>
        system.React.createElement(Original, { ...props, request: withoutKey(props.request) }),
      curl: (Original, system) => (props) =>
        system.React.createElement(Original, { ...props, request: withoutKey(props.request) }),
    },
  });

  document.addEventListener("DOMContentLoaded", () => {
    window.SwaggerUIBundle({
      url: "/docs/openapi.json",
      dom_id: "#swagger-ui",
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      tryItOutEnabled: true,
      persistAuthorization: false,
      plugins: [keepKeysOut],
    });
  });
})();
