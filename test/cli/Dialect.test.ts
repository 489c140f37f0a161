import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as World from "./World.ts"

const squeezed = (text: string) => text.replaceAll(/(?<=\S) {2,}/g, "  ")

describe("patchbay sync of a file as people have it", () => {
  const dryRun = (name: string, content: string, ...more: ReadonlyArray<string>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* Command.folder
        writeFileSync(join(cwd, name), content)
        const args = ["sync", name, "--to", "reach.batch-patch", "--tenant", "acme", "--dry-run", ...more]
        const { code, stderr, stdout } = yield* Command.run(args, { cwd })
        return { code, stderr, stdout: squeezed(stdout) }
      })
    )

  it.live("says once what it took for what, and what it passed over or let pass", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* dryRun(
        "export.csv",
        [
          "sep=;",
          'Customer ID; E-Mail ;"first_name";;',
          '"c-1"; "a@example.org" ;" Ada"',
          "'7000000000001;;;;",
          "c-2;'b@example.org;Bo;;",
          "c-3;;=1+1;;;;;",
          "Customer ID;E-Mail;first_name;;",
          ";;;;",
          "c-4;;Eva;;",
          ";;;;",
          "  ;;;;"
        ].join("\r\n")
      )
      assert.strictEqual(code, 0)
      for (const line of [
        "records read  5",
        "  to be sent  4",
        "  rejected  1",
        "    Suspicious  1",
        'read  "Customer ID" as customerId',
        'read  "E-Mail" as email',
        'read  "first_name" as firstName',
        "passed over  the header once more: 1 row, on line 7",
        "short rows  cells that lack at the end are absent: 1 row, on line 3",
        "suspicious: firstName  values that start or end with white space: 1 record, on line 3",
        "suspicious: email  values that start with an apostrophe: 1 record, on line 5",
        "suspicious: firstName  values that start with =: 1 record, on line 6"
      ]) {
        assert.include(stdout, `${line}\n`)
      }
      assert.include(
        stdout,
        '\n  line 4: customerId: This id starts with an apostrophe, with which spreadsheets mark a text. Take it away in the source, or with withoutPrefix: "\'" in a mapping; or let such texts pass with --allow-suspicious apostrophe'
      )
    })
  )

  it.live("has an option for each way to read it", () =>
    Effect.gen(function* () {
      const rows = (stdout: string) =>
        [/records read {2}(\d+)/, /to be sent {2}(\d+)/].map((row) => row.exec(stdout)?.[1])
      const above = "Customers\n\ncustomerId^phone\nc-1^'+1\nc-2^+2\n\nTotal^2\n(2 rows)\n"
      const taken = yield* dryRun("a.tsv", above, "--skip-lines", "2", "--delimiter", "^", "--until-blank-line")
      assert.deepStrictEqual(rows(taken.stdout), ["2", "1"])
      assert.include(taken.stdout, "not read  what stands below the blank line 6, at which the table ends\n")
      const all = ["--skip-lines", "2", "--delimiter", "^", "--allow-suspicious", "apostrophe"]
      assert.deepStrictEqual(rows((yield* dryRun("a.tsv", above, ...all)).stdout), ["4", "3"])
      assert.deepStrictEqual(rows((yield* dryRun("a.tsv", "customerId\tphone\nc-1\t+1\n")).stdout), ["1", "1"])
      const strict = yield* dryRun("a.csv", "Customer ID\nc-1\n", "--strict-header")
      assert.strictEqual(strict.code, 2)
      assert.include(strict.stderr, 'Column 1, "Customer ID", is no field. Did you mean customerId?')
      const twice = yield* dryRun("a.csv", "customerId,Email,email\nc-1,a,b\n")
      assert.include(twice.stderr, "Rename one, or take names to the letter with --strict-header.")
      const short = "customerId,email,phone\nc-1,\n"
      assert.deepStrictEqual(rows((yield* dryRun("a.csv", short)).stdout), ["1", "1"])
      assert.deepStrictEqual(rows((yield* dryRun("a.csv", short, "--strict-rows")).stdout), ["1", "0"])
      const array = yield* dryRun("a.ndjson", '[\n{"customerId":"1"},\n{"customerId":"2"}\n]\n')
      assert.strictEqual(array.code, 2)
      assert.include(array.stderr, "starts with [, as a JSON array does, and is no NDJSON. Read it with --format json.")
    })
  )

  it.live("reads JSON, and is told where in it the customers are", () =>
    Effect.gen(function* () {
      const row = (stdout: string) => /to be sent {2}(\d+)/.exec(stdout)?.[1]
      const array = '[\n{"customerId":"1"},\n{"customerId":"2"}\n]\n'
      assert.strictEqual(row((yield* dryRun("a.ndjson", array, "--format", "json")).stdout), "2")
      assert.strictEqual(row((yield* dryRun("a.json", array)).stdout), "2")
      const inside = `{"data":{"customers":${array}}}`
      const lost = yield* dryRun("b.json", inside)
      assert.include(lost.stdout, 'say where with --records "/data/customers"')
      assert.strictEqual(row((yield* dryRun("b.json", inside, "--records", "/data/customers")).stdout), "2")
      const nowhere = yield* dryRun("b.json", inside, "--records", "/customers")
      assert.strictEqual(nowhere.code, 2)
      assert.include(
        nowhere.stderr,
        "In b.json, the document on line 1 has nothing at /customers. Say where the array of records is with --records."
      )
      const csv = yield* dryRun("a.csv", "customerId\n1\n", "--records", "/customers")
      assert.strictEqual(csv.code, 2)
      assert.include(csv.stderr, "no source is one. Leave it out, or say --format json.")
      const noPointer = yield* dryRun("a.json", array, "--records", "customers")
      assert.strictEqual(noPointer.code, 2)
      assert.include(noPointer.stderr, "a JSON pointer to the array, such as /data/customers")
      const cut = yield* dryRun("a.json", array.slice(0, -4))
      assert.include(cut.stderr, "a.json cannot be read on at line 3")
      assert.include(cut.stderr, "as a file does that was cut off")
    })
  )
})

layer(SandboxServer.layer(), { excludeTestServices: true })("patchbay and spoiled values", (it) => {
  it.effect("sends none of them, keeps them as letters, and tells of a second header in a pipe", () =>
    Effect.gen(function* () {
      const { env, folder, sandbox } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "2" }, { customerId: "7000000000001" }])
      const spoiled = ["'7000000000001", " 2 ", "2\u00a0", "1.23457E+12", "#N/A", '"=""0042"""']
      const good = ["0042", "9007199254740993", "1e3", "01/02/03"]
      const file = `customerId,phone\n${[...good, ...spoiled].map((id) => `${id},+14155550101\n`).join("")}`
      const phones = `customerId,phone\n${["1.41556E+10", "=+14155550101", "'+14155550101"].map((phone, i) => `p-${i},${phone}\n`).join("")}`
      const { code, stderr, stdout } = yield* Command.run(
        [
          "sync",
          "-",
          "--format",
          "csv",
          "--to",
          "reach.batch-patch",
          "--tenant",
          "acme",
          "--dead-letters",
          "dead.ndjson"
        ],
        { cwd: folder, env, stdin: file + phones }
      )
      assert.strictEqual(code, 1, stderr)
      assert.include(squeezed(stdout), "\npassed over  the header once more: 1 row, on line 12\n")
      assert.include(squeezed(stdout), "\n    Suspicious  9\n")
      const ids = [...(yield* sandbox.reachCustomers("acme")).keys()].sort()
      assert.deepStrictEqual(ids, [...good, "2", "7000000000001"].sort())
      const letters = readFileSync(join(folder, "dead.ndjson"), "utf8").trim().split("\n")
      assert.deepStrictEqual(
        letters.map((letter) => JSON.parse(letter).record.value.customerId),
        ["'7000000000001", " 2 ", "2\u00a0", "1.23457E+12", "#N/A", '="0042"', "p-0", "p-1", "p-2"]
      )
      assert.include(letters[0], "--allow-suspicious apostrophe")
    })
  )
})
