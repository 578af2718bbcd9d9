// Shows the ledger's own document. Nothing is asked of another server: no validator, no fonts.
window.onload = () => {
  SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#page",
    deepLinking: true,
    validatorUrl: null,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    persistAuthorization: false,
    tryItOutEnabled: true,
  });
};
