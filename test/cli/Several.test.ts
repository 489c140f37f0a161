import { mkdirSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as Golden from "./Golden.ts"
import * as World from "./World.ts"

layer(SandboxServer.layer({ reach: { unknownCustomer: "create", queue: { delay: "1 millis" } } }), {
  excludeTestServices: true
})("patchbay sync of several files", (it) => {
  const to = ["--to", "reach.batch-patch", "--tenant", "acme"]

  const row = (id: string, email = `${id}@example.com`) => `${id},${email}\n`
  const csv = (...rows: ReadonlyArray<string>) => `customerId,email\n${rows.join("")}`

  it.effect("sends them in their order, patterns too, and goes on with those that were added", () =>
    Effect.gen(function* () {
      const { folder, patchbay, read, sandbox, write } = yield* World.make
      mkdirSync(join(folder, "exports"))
      mkdirSync(join(folder, "exports", "a.csv.folder"))
      write("exports/b.csv", csv(row("c-2"), row("c-3", "no address")))
      write("exports/a.csv", csv(row("c-1")))
      write("exports/notes.txt", "not for us")
      write("more.ndjson", '{"customerId":"c-4"}\n{"customerId":5}\n')
      const args = ["sync", "exports/*.csv", "more.ndjson", ...to, "--checkpoint", "kept"]
      const { code, stderr, stdout } = yield* patchbay([...args, "--dead-letters", "dead.ndjson"])
      assert.strictEqual(code, 1, stderr)
      assert.match(stdout, /records read +5\n/)
      assert.deepStrictEqual(
        read("dead.ndjson")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line))
          .map(({ key, line, offset, source }) => ({ key, line, offset, source }))
          .filter(({ source }) => source === "more.ndjson"),
        [{ key: undefined, line: 2, offset: 4, source: "more.ndjson" }]
      )
      const { stdout: shown } = yield* patchbay(["checkpoint", "show", "kept"])
      assert.match(shown, /position .*\(byte \d+, line \d of more\.ndjson\)/)
      assert.match(shown, /source 2 +exports\/b\.csv; /)

      write("last.csv", csv(row("c-6")))
      const added = yield* patchbay([...args.slice(0, 3), "last.csv", ...args.slice(3)])
      assert.match(added.stdout, /records read +6\n/)
      assert.includeMembers([...(yield* sandbox.reachCustomers("acme")).keys()], ["c-1", "c-2", "c-4", "c-6"])
      const other = yield* patchbay(["sync", "more.ndjson", "exports/*.csv", ...to, "--checkpoint", "kept"])
      assert.strictEqual(other.code, 2)
      assert.include(other.stderr, 'source was "exports/a.csv" and is "more.ndjson"')
    })
  )

  it.effect("tells of what cannot be one of them, before anything is sent", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      write("a.csv", csv(row("c-1")))
      write("b.csv", csv(row("c-2")))
      write("c.data", csv(row("c-3")))
      const said: Array<string> = []
      for (const args of [
        ["a.csv", "none*.csv"],
        ["a.csv", "none.csv"],
        ["a.csv", "-"],
        ["a.csv", "c.data"],
        ["a.csv", "./a.csv"],
        ["a.csv", "*.csv"],
        ["a.csv", "b.csv", "--grown", "--checkpoint", "kept"],
        ["a.csv", "--grown"],
        ["a.csv", "--fresh"]
      ]) {
        const { code, stderr, stdout } = yield* patchbay(["sync", ...args, ...to])
        assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" }, args.join(" "))
        said.push(`$ patchbay sync ${args.join(" ")}\n${stderr}`)
      }
      Golden.check("several-refused", said.join("\n"))
      assert.lengthOf(
        (yield* sandbox.requests).filter(({ method }) => method === "PATCH"),
        0
      )
    })
  )

  it.effect("of one that grew goes on with --grown, and of a new one starts anew with --fresh", () =>
    Effect.gen(function* () {
      const { folder, patchbay, sandbox, write } = yield* World.make
      let version = 0
      const nightly = (...rows: ReadonlyArray<string>) => {
        write("a.csv", csv(...rows))
        utimesSync(join(folder, "a.csv"), ++version, version)
      }
      const args = ["sync", "a.csv", ...to, "--checkpoint", "kept"]
      nightly(row("c-1"))
      assert.strictEqual((yield* patchbay(args)).code, 0)
      nightly(row("c-1"), row("c-2"))
      const refused = yield* patchbay(args)
      assert.strictEqual(refused.code, 2)
      Golden.check("grown-refused", refused.stderr, [[/\d{4}-\d{2}-[\dT:.]+Z/g, "DATE"]])
      const grown = yield* patchbay([...args, "--grown"])
      assert.strictEqual(grown.code, 0, grown.stderr)
      assert.match(grown.stdout, /records read +2\n/)
      nightly(row("c-9"), row("c-2"), row("c-3"))
      const changed = yield* patchbay([...args, "--grown"])
      assert.strictEqual(changed.code, 2)
      Golden.check("grown-changed", changed.stderr, [[/\d{4}-\d{2}-[\dT:.]+Z/g, "DATE"]])
      const fresh = yield* patchbay([...args, "--fresh"])
      assert.strictEqual(fresh.code, 0, fresh.stderr)
      assert.match(fresh.stdout, /records read +3\n/)
      assert.sameMembers([...(yield* sandbox.reachCustomers("acme")).keys()], ["c-1", "c-2", "c-9", "c-3"])
    })
  )
})
