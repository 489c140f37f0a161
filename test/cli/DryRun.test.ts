import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"

const rows = [
  "customerId,email,firstName",
  "c-1,1@example.com,Ada",
  "c-2,2@example.com,Zoë",
  "c-1,,Eva",
  "c-3,3@example.com,Bo,too many",
  ...Array.from({ length: 7 }, (_, index) => `,${index}@example.com,Nobody`),
  "c-2,,",
  "c-1,,Ida"
]

describe("patchbay sync --dry-run", () => {
  it.live("says what would be sent, refused and repeated, and how long it would take, without a token or a trace", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* Command.folder
        writeFileSync(join(folder, "customers.csv"), rows.join("\n"))
        mkdirSync(join(folder, "out"))
        const { code, stderr, stdout } = yield* Command.run(
          [
            ...["sync", "customers.csv", "--to", "reach.batch-patch", "--same-key", "merge", "--batch-records", "2"],
            ...["--rate-limit", "2/1s", "--checkpoint", "out/kept", "--dead-letters", "out/dead.ndjson", "--dry-run"],
            ...["--report", "plan.json"]
          ],
          { cwd: folder }
        )
        assert.strictEqual(code, 0)
        Golden.check("dry-run", `${stdout}\n${stderr}`)
        assert.deepStrictEqual(readdirSync(join(folder, "out")), [])
        assert.deepInclude(JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")), {
          destination: "reach.batch-patch",
          read: 13,
          sendable: 5,
          keys: { distinct: 2, repeated: 2, records: 3 }
        })
      })
    )
  )

  it.live("says which mapped name no record has, where there are too few records to refuse it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* Command.folder
        writeFileSync(join(cwd, "c.ndjson"), '{"customerId":"c-1"}\n')
        const args = ["sync", "c.ndjson", "--to", "reach.patch", "--map", "email=traits.email", "--dry-run"]
        const { code, stdout } = yield* Command.run(args, { cwd })
        assert.strictEqual(code, 0)
        assert.match(stdout, /\nnever sent: email +no record has "traits\.email", which is mapped to it\n/)
      })
    )
  )

  it.live("the plan of a pipe as JSON", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Command.run(
        [
          ...["sync", "-", "--format", "ndjson", "--to", "pocketflows.batch-update", "--business", "b-1"],
          ...["--dry-run", "--report", "-", "--checkpoint", "nowhere"]
        ],
        { stdin: '{"id":"p-1"}\n{"id":"p-2"}\n{"id":5}\n' }
      )
      assert.strictEqual(code, 0)
      assert.deepInclude(JSON.parse(stdout), { read: 3, sendable: 2, batches: 1, requests: 1, bytes: 41 })
    })
  )
})
