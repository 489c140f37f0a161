/** What the names of outcomes, reasons and waits mean. */
import type { Ledger } from "../../index.ts"

type Outcome = keyof Ledger.Counts

export const outcomes: { readonly [Name in Outcome]: string } = {
  Applied: "The vendor has applied it.",
  Accepted: "The vendor has taken it over and applies it later.",
  Merged: "Folded into a later record of the same customer.",
  Skipped: "Left out, as the mapping says.",
  Rejected: "Refused, before sending or by the vendor.",
  Unknown: "Sent, and what became of it is not known.",
  Unsent: "The run stopped before it was sent."
}

const reasons: { readonly [tag: string]: string } = {
  Malformed: "The line cannot be read as a record.",
  SchemaMismatch: "A field does not fit.",
  Suspicious: "An id or a phone number looks spoiled, by a spreadsheet as a rule.",
  InvalidRequest: "It cannot be put into a request.",
  BadRequest: "The vendor refused it (400).",
  UnprocessableContent: "The vendor refused it (422).",
  NotFound: "The vendor has no such customer (404).",
  Conflict: "The vendor has such a customer already (409).",
  ContentTooLarge: "The vendor finds it too large (413).",
  NotIsolated: "It was in a refused batch, and the requests to find the record at fault were used up.",
  Interrupted: "The run was stopped while it was under way.",
  OutcomeUnknown: "It may have been applied, and is not safe to send again.",
  RetriesExhausted: "No attempt was answered.",
  TransportFault: "The connection broke before the answer came.",
  TimedOut: "The answer did not come in time.",
  UnexpectedAnswer: "The answer was not understood.",
  CountMismatch: "The vendor counted other records than were sent.",
  CountsMissing: "The vendor did not count what it applied.",
  NotApplied: "The vendor accepted it, and did not apply it.",
  FailuresUnnamed: "Records of its batch failed, and the vendor did not say which.",
  FailureAmbiguous: "Not all records of its customer in its batch were applied, and the vendor did not say which.",
  FailureMismatch: "The vendor reported a failed record that was not in the batch.",
  BatchNotFound: "The vendor does not know the batch that it accepted.",
  SettleDeadline: "The batch was not finished in time."
}

/** What a reason means; `undefined` for those of other destinations. */
export const reason = (tag: string): string | undefined => (Object.hasOwn(reasons, tag) ? reasons[tag] : undefined)

/** What was waited for, in a sentence and in a word. */
export interface Wait {
  readonly label: string
  readonly short: string
}

const waits: { readonly [reason: string]: Wait } = {
  rate: { label: "Turn under the rate limit", short: "Rate" },
  paused: { label: "Pause that the vendor asked for", short: "Pause" },
  quota: { label: "Vendor’s quota used up", short: "Quota" },
  backoff: { label: "Before a retry", short: "Backoff" },
  breaker: { label: "Circuit breaker open", short: "Breaker" }
}

export const wait = (reason: string): Wait =>
  (Object.hasOwn(waits, reason) ? waits[reason] : undefined) ?? { label: cut(reason, 30), short: cut(reason, 10) }

// There is one line for it, however narrow the window is.
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)
