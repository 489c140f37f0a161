import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import * as zlib from "node:zlib"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import { number, rows, text, workbook } from "../support/WorkbookFile.ts"
import * as Command from "./Command.ts"
import * as World from "./World.ts"

const csv = "customerId,firstName\nc-1,Zoë\nc-2,Jürgen\n"
const to = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]

const namesOf = (sandbox: Sandbox.Sandbox["Service"]) =>
  Effect.gen(function* () {
    yield* sandbox.idle
    return [...(yield* sandbox.reachCustomers("acme")).values()].map(({ firstName }) => firstName)
  })

layer(SandboxServer.layer({ reach: { queue: { delay: "10 millis" } } }), { excludeTestServices: true })(
  "patchbay sync and files as people have them",
  (it) => {
    it.effect("reads what is compressed or in UTF-16: a file, standard input, and a named pipe", () =>
      Effect.gen(function* () {
        const { env, folder, sandbox } = yield* World.make
        const sheet = rows(csv.split("\n").map((row) => row.split(",").filter(Boolean).map(text)))
        const utf16 = Buffer.from(`\uFEFF${csv}`, "utf16le")
        for (const [name, bytes] of [
          ["a.csv.gz", zlib.gzipSync(csv)],
          ["a.zst", zlib.zstdCompressSync(utf16)],
          ["a.csv.br", zlib.brotliCompressSync(csv)],
          ["a.csv", utf16],
          ["a.xlsx", workbook([{ name: "A", rows: sheet }])]
        ] as const) {
          writeFileSync(join(folder, name), bytes)
        }
        const shell = (line: string) =>
          Effect.promise(() =>
            promisify(execFile)(
              "bash",
              ["--norc", "-c", `patchbay() { '${process.execPath}' '${Command.main}' "$@"; }; ${line}`],
              { cwd: folder, env: { PATH: process.env.PATH, ...env } }
            )
          )
        for (const line of [
          "patchbay sync a.csv.gz --checkpoint kept",
          "patchbay sync a.csv.br",
          "patchbay sync a.csv",
          "cat a.zst | patchbay sync - --format csv",
          "cat a.csv.gz a.csv.gz | patchbay sync - --format csv",
          "patchbay sync <(cat a.csv) --format csv",
          "patchbay sync - --format xlsx <a.xlsx"
        ]) {
          yield* sandbox.reset
          yield* shell(`${line} ${to.join(" ")}`)
          const names = yield* namesOf(sandbox)
          // The second header of what was put together is passed over.
          assert.deepStrictEqual(names, ["Zoë", "Jürgen"], line)
        }
      })
    )

    it.effect("reads a sheet of a workbook, names the rows that it rejects, and says which sheets there are", () =>
      Effect.gen(function* () {
        const { folder, patchbay, read, sandbox } = yield* World.make
        const customers = rows([
          [text("Customers")],
          [text("customerId"), text("firstName")],
          [number(7_000_000_000_001), text("Zoë\nAnn")],
          [number("1.2345678901234567E+16"), text("lost")],
          [text("c-3"), text("Jürgen")]
        ])
        const sheets = [
          { name: "Read me", rows: "" },
          { name: "All", rows: customers }
        ]
        writeFileSync(join(folder, "c.xlsx"), workbook(sheets, { deflated: true }))
        writeFileSync(join(folder, "one.xlsx"), workbook(sheets.slice(1)))

        const unsaid = yield* patchbay(["sync", "c.xlsx", ...to])
        assert.strictEqual(unsaid.code, 2)
        assert.include(
          unsaid.stderr,
          'c.xlsx has several sheets: "Read me", "All". Say which, such as --sheet "Read me".'
        )
        const options = ["--sheet", "All", "--skip-lines", "1", "--dead-letters", "dead.ndjson", "--checkpoint", "kept"]
        const sent = yield* patchbay(["sync", "c.xlsx", ...to, ...options])
        assert.strictEqual(sent.code, 1, sent.stderr)
        assert.deepStrictEqual(yield* namesOf(sandbox), ["Zoë\nAnn", "Jürgen"])
        const letter = JSON.parse(read("dead.ndjson"))
        assert.strictEqual(letter.line, 4)
        assert.deepStrictEqual(letter.row.cells, [
          ["customerId", "1.23456789012346E+16"],
          ["firstName", "lost"]
        ])

        yield* sandbox.reset
        const both = ["sync", "one.xlsx", "c.xlsx", ...to, "--sheet", "All", "--skip-lines", "1"]
        assert.strictEqual((yield* patchbay(both)).code, 1)
        assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 2)
        writeFileSync(join(folder, "c.csv"), csv)
        const other = yield* patchbay(["sync", "c.csv", ...to, "--sheet", "All"])
        assert.include(other.stderr, "--sheet is for workbooks, and c.csv is none. Leave it out, or say --format xlsx.")
      })
    )

    it.effect("rejects the rows that are not UTF-8, says what to type, and sends them once that is typed", () =>
      Effect.gen(function* () {
        const { folder, patchbay, read, sandbox } = yield* World.make
        writeFileSync(join(folder, "latin.csv"), Buffer.from(`${csv}c-3,Ada\n`, "latin1"))
        const first = yield* patchbay(["sync", "latin.csv", ...to, "--dead-letters", "dead.ndjson"])
        assert.strictEqual(first.code, 1)
        assert.deepStrictEqual(yield* namesOf(sandbox), ["Ada"])
        assert.match(read("dead.ndjson"), /Line 2 is not UTF-8 at character 7\. .* such as --encoding windows-1252"/)
        const again = yield* patchbay(["retry", "dead.ndjson", ...to, "--encoding", "windows-1252"])
        assert.strictEqual(again.code, 0, again.stderr)
        assert.deepStrictEqual((yield* namesOf(sandbox)).sort(), ["Ada", "Jürgen", "Zoë"])

        yield* sandbox.reset
        const whole = yield* patchbay(["sync", "latin.csv", ...to, "--encoding", "windows-1252"])
        assert.strictEqual(whole.code, 0, whole.stderr)
        assert.deepStrictEqual(yield* namesOf(sandbox), ["Zoë", "Jürgen", "Ada"])
      })
    )

    it.effect("stops a file in another encoding before much is sent, and a cut archive where it ends", () =>
      Effect.gen(function* () {
        const { folder, patchbay, sandbox } = yield* World.make
        const rows = Array.from({ length: 3000 }, (_, index) => `c-${index},${index % 10 === 0 ? "Zoë" : "Ada"}\n`)
        writeFileSync(join(folder, "latin.csv"), Buffer.from(`customerId,firstName\n${rows.join("")}`, "latin1"))
        const latin = yield* patchbay(["sync", "latin.csv", ...to])
        assert.strictEqual(latin.code, 2)
        assert.match(
          latin.stderr,
          /51 of 501 records of latin\.csv are not UTF-8, first at line 2, character 7\. Say which encoding it is in, such as --encoding windows-1252\./
        )
        assert.isAtMost((yield* namesOf(sandbox)).length, 450)

        const archive = zlib.gzipSync(`customerId,firstName\n${rows.join("")}`)
        writeFileSync(join(folder, "cut.csv.gz"), archive.subarray(0, archive.length - 20))
        yield* sandbox.reset
        const cut = yield* patchbay(["sync", "cut.csv.gz", ...to])
        assert.strictEqual(cut.code, 2)
        assert.include(cut.stderr, `cut.csv.gz is cut off: its gzip data goes on behind byte ${archive.length - 20}`)
        // Nothing is left out that could be read.
        assert.isAbove((yield* namesOf(sandbox)).length, 2900)
        assert.notInclude(cut.stderr, "were not sent")
      })
    )

    it.effect("refuses an encoding that nobody knows before it reads anything", () =>
      Effect.gen(function* () {
        const { patchbay, write } = yield* World.make
        write("a.csv", csv)
        for (const command of ["sync", "retry"]) {
          const { code, stderr } = yield* patchbay([command, "a.csv", ...to, "--encoding", "latin-99"])
          assert.strictEqual(code, 2)
          assert.match(
            stderr,
            /^--encoding latin-99 is not known\. Use a name of the Encoding Standard, such as windows-1252/
          )
        }
      })
    )
  }
)
