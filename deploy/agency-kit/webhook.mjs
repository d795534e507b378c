// Receives alerts as signed webhooks (Standard Webhooks). Node 18 or later, nothing to install.
// TPPO_WEBHOOK_SECRET is what `tppo notify secret URL` prints; run it behind your own TLS.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = Buffer.from((process.env.TPPO_WEBHOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
const port = Number(process.env.PORT ?? 8090);
const TOLERANCE_S = 300; // an older signature may be somebody else's copy
const seen = new Set(); // a real receiver keeps these for some days

function holds(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": given } = headers;
  if (!id || !given || !(Math.abs(Date.now() / 1000 - Number(at)) <= TOLERANCE_S)) return false;
  const expected = createHmac("sha256", secret).update(`${id}.${at}.`).update(body).digest();
  return given.split(" ").some((each) => {
    const [version, text] = each.split(",");
    const sent = Buffer.from(text ?? "", "base64");
    return version === "v1" && sent.length === expected.length && timingSafeEqual(sent, expected);
  });
}

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts);
    if (!holds(request.headers, body)) return response.writeHead(401).end();
    const alert = JSON.parse(body);
    // The same key again is the same message: show it once, and answer all the same.
    if (!seen.has(alert.idempotency_key)) console.log(JSON.stringify({ kind: alert.kind, refs: alert.refs, deadline: alert.deadline }));
    seen.add(alert.idempotency_key);
    // The key in the answer is the receipt. It is not the acknowledgement: a person opens `link` for that.
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ idempotency_key: alert.idempotency_key }));
  });
}).listen(port, "127.0.0.1", function () { console.log(JSON.stringify({ listening: this.address().port })); });
