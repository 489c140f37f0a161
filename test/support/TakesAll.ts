/** A destination that takes any batch at once. */
import { Effect, Result } from "effect"
import type { Behaviour, Destination } from "../../src/sync/model/Destination.ts"

export interface Row {
  readonly id: string
}

/** Notes in `sent` who was sent, and does not encode those that are `refused`. */
export const destination = (
  sent: Array<string>,
  refused: ReadonlyArray<string> = []
): Destination<Row, Behaviour & { readonly acceptance: "applied" }> => ({
  name: "fake",
  vendor: "Fake",
  tenant: undefined,
  behaviour: {
    acceptance: "applied",
    failureUnit: "batch",
    failures: "independent",
    writing: "merge",
    order: "none",
    resend: "safe"
  },
  maxRecords: 10,
  envelope: ["[", "]"],
  key: ({ id }) => id,
  merge: (_, later) => later,
  encode: ({ id }) =>
    refused.includes(id) ? Result.fail([{ path: ["id"], message: "is bad" }]) : Result.succeed(JSON.stringify({ id })),
  send: ({ records }) =>
    Effect.sync(() => {
      sent.push(...records.map(({ key }) => key))
      return { recordCount: records.length, batchId: undefined }
    }),
  named: () => [],
  settle: () => Effect.succeed({ _tag: "Applied" }),
  fingerprint: ""
})
