/** States whose every number follows from one, so that a mixture of two is found out. */
import type { State } from "../../src/sync/checkpoint/CheckpointState.ts"

export const fingerprint = { source: "customers.csv", destination: "reach.batch-patch" }

export const state = (n: number, batches = 3): State => ({
  fingerprint,
  position: { offset: n, place: { byte: n * 100, line: n + 2 } },
  done: [[n + 10, n + 20]],
  settling: Array.from({ length: batches }, (_, index) => ({
    batchId: `0b8f6a4e-1f3c-4d8e-9a55-${String(n + index).padStart(12, "0")}`,
    batch: n + index,
    acceptedAt: 1_700_000_000_000 + n,
    runs: [
      [n + index * 500, n + index * 500 + 400],
      [n + index * 500 + 410, n + index * 500 + 500]
    ]
  })),
  sending: [],
  counts: { read: n, outcomes: { Applied: n, Accepted: 0, Rejected: 0, Unknown: 0, Merged: 0, Skipped: 0, Unsent: 0 } },
  totals: { batches: n, requests: n, retries: 0, bytes: n * 1000, reasons: { BadRequest: n } },
  startedAt: 1_700_000_000_000,
  finished: false
})
