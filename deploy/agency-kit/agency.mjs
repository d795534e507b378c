// An agency's consumer in Node 18 or newer, without packages: wait for referrals, open each, acknowledge, answer.
//   TPPO_URL=https://rujukan.example TPPO_TOKEN_FILE=token node agency.mjs
// `decide` is the only part that is yours. A restart loses and repeats nothing: the same answer_id is taken once.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const { TPPO_URL, TPPO_TOKEN_FILE, TPPO_PLACE_FILE = "place", TPPO_ONCE } = process.env;
const once = TPPO_ONCE === "1";

// Returns an answer, or null when a person answers later.
function decide(referral) {
  console.log(referral.referral_ref, referral.question_id, "tenggat", referral.deadline);
  return null; // or { status: "final", code: "lp_filed", marks: ["E1"] }
}

async function call(path, body) {
  const token = readFileSync(TPPO_TOKEN_FILE, "utf8").trim();
  const response = await fetch(new URL(path, TPPO_URL), {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const said = await response.json();
  if (response.status === 409 && body) console.error(path, said.detail); // refused for good: the reason is for a person
  if ([404, 409, 410].includes(response.status)) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return said;
}

async function one(id) {
  const referral = await call(`/agency/referrals/${id}`);
  if (referral === null) return; // withdrawn in the meantime, or paused at the person's request
  await call(`/agency/referrals/${id}/answers`, { answer_id: `ack-${id}`, status: "acknowledged" });
  const decided = decide(referral);
  if (decided) await call(`/agency/referrals/${id}/answers`, { answer_id: `final-${id}`, ...decided });
}

for (;;) {
  const after = existsSync(TPPO_PLACE_FILE) ? readFileSync(TPPO_PLACE_FILE, "utf8") : "";
  try {
    // A case that was just written is listed a second later: "once" waits for it.
    const query = new URLSearchParams({ state: "sent", wait: once ? "2" : "25", ...(after && { after }) });
    const page = await call(`/agency/referrals?${query}`);
    for (const referral of page.referrals) await one(referral.referral_id);
    writeFileSync(TPPO_PLACE_FILE, page.after ?? "");
    if (once && page.referrals.length === 0) break;
  } catch (error) {
    console.error("tidak terhubung, dicoba lagi / not connected, trying again:", error.message);
    await new Promise((done) => setTimeout(done, 5000));
  }
}
