import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as World from "./World.ts"

layer(
  SandboxServer.layer({
    reach: {
      naming: "none",
      queue: { delay: "10 millis" },
      refuse: ({ email }) => (email?.startsWith("no") === true ? "not welcome" : undefined)
    }
  }),
  { excludeTestServices: true }
)("patchbay retry", (it) => {
  it.effect("sends dead letters again and again, until none is left and every customer is there", () =>
    Effect.gen(function* () {
      const { folder, patchbay, read, sandbox, write } = yield* World.make
      write(
        "c.csv",
        "customerId,email,emailOptOut\nc-1,a@example.com,\nc-2,no-1@example.com,\nc-3,b@example.com,perhaps\nc-4,no-2@example.com,\nc-5,c@example.com,true\n"
      )
      const to = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]
      const put = (name: string, ...changes: ReadonlyArray<readonly [string, string]>) =>
        writeFileSync(
          join(folder, name),
          changes.reduce((text, [from, into]) => text.replaceAll(from, into), readFileSync(join(folder, name), "utf8"))
        )
      const first = yield* patchbay(["sync", "c.csv", ...to, "--dead-letters", "dead.ndjson"])
      assert.strictEqual(first.code, 1)
      assert.lengthOf(read("dead.ndjson").trimEnd().split("\n"), 3)

      // What the last line says is what is typed, word by word, but for what does not belong to it.
      const typed = (stderr: string) => (stderr.trimEnd().split("\n").at(-1) ?? "").trim().split(" ").slice(1)
      put("dead.ndjson", ["no-1@example.com", "d@example.com"], ["perhaps", "false"])
      const second = yield* patchbay([...typed(first.stderr), "--progress", "none"])
      assert.strictEqual(second.code, 1, second.stderr)
      assert.match(second.stdout, /records read +3\n +applied +2\n +rejected +1\n/)

      put("dead.2.ndjson", ["no-2@example.com", "e@example.com"])
      const third = yield* patchbay([...typed(second.stderr), "--progress", "none", "--checkpoint", "kept"])
      assert.deepStrictEqual(
        { code: third.code, stderr: third.stderr },
        { code: 0, stderr: "Done: 1 record, and none is left over.\n" }
      )
      assert.include(typed(second.stderr), "dead.3.ndjson")
      yield* sandbox.idle
      const customers = yield* sandbox.reachCustomers("acme")
      assert.deepStrictEqual(
        [...customers.values()].map(({ customerId, email, emailOptOut }) => [customerId, email, emailOptOut]).sort(),
        [
          ["c-1", "a@example.com", undefined],
          ["c-2", "d@example.com", undefined],
          ["c-3", "b@example.com", false],
          ["c-4", "e@example.com", undefined],
          ["c-5", "c@example.com", true]
        ]
      )

      // A checkpoint of these letters is good for no others.
      const other = yield* patchbay(["retry", "dead.ndjson", ...to, "--checkpoint", "kept"])
      assert.strictEqual(other.code, 2)
      assert.include(other.stderr, 'source was "dead.2.ndjson" and is "dead.ndjson"')
    })
  )

  it.effect(
    "dead-letters --as-csv shows each with its reason and its row, sends nothing, and harms no spreadsheet",
    () =>
      Effect.gen(function* () {
        const { folder, patchbay, read, sandbox, write } = yield* World.make
        write(
          "c.csv",
          "ID,Mail,emailOptOut,=Notes\nc-1,no@example.com,,+1\nc-2,b@example.com,perhaps,two\nc-3,c@example.com,,three\n"
        )
        const first = yield* patchbay([
          ...[
            "sync",
            "c.csv",
            "--to",
            "reach.batch-patch",
            "--tenant",
            "acme",
            "--map",
            "customerId=ID",
            "--map",
            "email=Mail"
          ],
          ...["--ignore-unknown-fields", "--dead-letters", "dead.ndjson", "--progress", "none"]
        ])
        assert.strictEqual(first.code, 1, first.stderr)
        const sent = (yield* sandbox.requests).length

        const csv = yield* patchbay(["dead-letters", "dead.ndjson", "--as-csv", "dead.csv"])
        assert.deepStrictEqual({ code: csv.code, stdout: csv.stdout }, { code: 0, stdout: "" })
        assert.match(csv.stderr, /^Wrote 2 records with their reasons to dead\.csv: customer data\. An apostrophe /)
        const lines = read("dead.csv").split("\r\n").toSorted()
        assert.strictEqual(lines[0], "")
        assert.match(lines[1] ?? "", /^"0","2","Rejected","BadRequest",".+",".+","c-1","no@example\.com","","'\+1"$/)
        assert.match(
          lines[2] ?? "",
          /^"1","3","Rejected","SchemaMismatch",".*","","c-2","b@example\.com","perhaps","two"$/
        )
        assert.match(lines[3] ?? "", /"ID","Mail","emailOptOut","'=Notes"$/)
        assert.strictEqual(statSync(join(folder, "dead.csv")).mode & 0o777, 0o600)
        assert.strictEqual((yield* sandbox.requests).length, sent)

        const piped = yield* patchbay(["dead-letters", "dead.ndjson", "--as-csv", "-"])
        assert.deepStrictEqual({ code: piped.code, stderr: piped.stderr }, { code: 0, stderr: "" })
        assert.strictEqual(piped.stdout, read("dead.csv"))

        for (const [args, said] of [
          [["dead.ndjson", "--as-csv", "dead.ndjson"], "--as-csv dead.ndjson is the same file as the file of letters"],
          [["dead.ndjson", "--as-csv", "nowhere/dead.csv"], "there is no folder nowhere"],
          [["none.ndjson", "--as-csv", "out.csv"], "There is no file none.ndjson"],
          [["c.csv", "--as-csv", "out.csv"], "Line 1 of c.csv is no dead letter"]
        ] as const) {
          const wrong = yield* patchbay(["dead-letters", ...args])
          assert.strictEqual(wrong.code, 2)
          assert.include(wrong.stderr, said)
        }
        assert.isFalse(existsSync(join(folder, "out.csv")))
      })
  )

  it.effect("a dry run of it says what would be sent, and does not", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      const letter = (offset: number, record: unknown) =>
        `${JSON.stringify({ offset, outcome: "Rejected", reason: { tag: "BadRequest", message: "no", issues: [] }, time: "2025-01-01T00:00:00Z", record })}\n`
      write(
        "d.ndjson",
        letter(3, { format: "json", value: { customerId: "c-1" } }) + letter(4, { format: "ndjson", value: "c-2," })
      )
      const { code, stderr, stdout } = yield* patchbay(["retry", "d.ndjson", "--to", "reach.patch", "--dry-run"], {
        env: {}
      })
      assert.strictEqual(code, 0)
      assert.match(stdout, /records read +2\n +to be sent +1\n +rejected +1\n/)
      assert.match(stderr, /\n {2}patchbay retry d\.ndjson --to reach\.patch\n$/)
      assert.lengthOf(yield* sandbox.requests, 0)
    })
  )

  it.effect("reads letters through the mapping that the records were read through", () =>
    Effect.gen(function* () {
      const { folder, patchbay, read, sandbox, write } = yield* World.make
      write(
        "c.csv",
        "ID,E-Mail,Accepts,Type\n 1 ,A@EXAMPLE.COM,yes,\n2,no-1@example.com,no,\n3,B@c.d,perhaps,\n4,x,no,test\n"
      )
      write(
        "m.json",
        JSON.stringify({
          fields: {
            customerId: { from: "ID", trim: true },
            email: { from: "E-Mail", case: "lower" },
            emailOptOut: { from: "Accepts", words: "yes/no", means: "optIn" }
          },
          skip: [{ when: "Type", is: ["test"] }]
        })
      )
      const to = ["--to", "reach.batch-patch", "--tenant", "mapped", "--progress", "none", "--mapping", "m.json"]
      const dry = yield* patchbay(["sync", "c.csv", ...to, "--dry-run"])
      assert.match(dry.stdout, /\n {2}left out +1\n {2}rejected +1\n/)
      assert.match(dry.stdout, /\nmapped: emailOptOut +2 changed, 1 refused\n/)
      const first = yield* patchbay(["sync", "c.csv", ...to, "--dead-letters", "dead.ndjson"])
      assert.match(first.stdout, /records read +4\n +applied +1\n +rejected +2\n +skipped +1\n/)
      assert.include(first.stderr, "--mapping m.json")
      const letters = read("dead.ndjson").replace("perhaps", "YES").replace("no-1@example.com", "b@example.com")
      writeFileSync(join(folder, "dead.ndjson"), letters)
      const again = yield* patchbay(["retry", "dead.ndjson", ...to])
      assert.strictEqual(again.stderr, "Done: 2 records, and none is left over.\n")
      yield* sandbox.idle
      const customers = yield* sandbox.reachCustomers("mapped")
      assert.deepStrictEqual(
        [...customers.values()].map(({ customerId, email, emailOptOut }) => [customerId, email, emailOptOut]).sort(),
        [
          ["1", "a@example.com", false],
          ["2", "b@example.com", true],
          ["3", "b@c.d", false]
        ]
      )
      const twice = yield* patchbay(["sync", "c.csv", ...to, "--map", "email=E-Mail"])
      assert.deepStrictEqual(
        [twice.code, twice.stderr],
        [2, "--map is said by the mapping. Write it in m.json, or leave out --mapping.\n"]
      )
      write("bad.json", '{"fields":{"emailOptOut":{"from":"Accepts"}}}')
      const bad = yield* patchbay(["sync", "c.csv", ...to.slice(0, -1), "bad.json"])
      assert.strictEqual(bad.code, 2)
      assert.include(bad.stderr, "bad.json cannot be used as a mapping. /fields/emailOptOut is about consent")
      const map = yield* patchbay(["sync", "c.csv", ...to.slice(0, -2), "--map", "emailOptOut=Accepts"])
      assert.match(map.stderr, /^--map emailOptOut: is about consent.* in a file for --mapping/)
    })
  )
})
