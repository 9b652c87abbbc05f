// Swagger UI over the merged OpenAPI document. Requests carry the token of the portal's session in this tab; a token
// or key entered under Authorize takes precedence.
import { accessToken, resume } from "/portal/session.js";

const isOwn = (url) => new URL(url, location.href).origin === location.origin;

async function addToken(request) {
  const hasCredentials = request.headers.Authorization || request.headers["X-API-Key"];
  if (!isOwn(request.url) || hasCredentials) return request;
  const token = await accessToken();
  if (token) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

if (await resume()) document.getElementById("account").textContent = "Signed in: requests use your session.";
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  persistAuthorization: false,
  requestInterceptor: addToken,
  syntaxHighlight: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
