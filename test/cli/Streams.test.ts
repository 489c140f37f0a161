import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as World from "./World.ts"

/** Runs a line of shell, in which `patchbay` is the command. */
const shell = (line: string, options: { readonly cwd: string; readonly env: { readonly [name: string]: string } }) =>
  Effect.promise(() =>
    promisify(execFile)(
      "bash",
      ["--norc", "-c", `patchbay() { '${process.execPath}' '${Command.main}' "$@"; }; ${line}`],
      {
        ...options,
        env: { PATH: process.env.PATH, ...options.env }
      }
    ).then(
      ({ stderr, stdout }) => ({ code: 0, stdout, stderr }),
      ({ code, stderr, stdout }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr })
    )
  )

const toPatch = "--to reach.patch --tenant acme"

layer(SandboxServer.layer(), { excludeTestServices: true })("patchbay and its streams", (it) => {
  it.effect("a reader that goes away stops neither the sync nor its exit code, and nobody sees a stack trace", () =>
    Effect.gen(function* () {
      const { env, folder, sandbox, write } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }, { customerId: "c-2" }])
      write("c.csv", "customerId,firstName\nc-1,Zoë\nc-2,Zoë\n")
      const { code, stderr, stdout } = yield* shell(
        `patchbay sync c.csv ${toPatch} --report r.html | head -0; code=\${PIPESTATUS[0]}; patchbay --help | head -1; exit $code`,
        { cwd: folder, env }
      )
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stdout, "DESCRIPTION\n")
      assert.match(stderr, /^c\.csv: .*\nDone: 2 records, and none is left over\.\n$/)
      for (const customer of (yield* sandbox.reachCustomers("acme")).values()) {
        assert.strictEqual(customer.firstName, "Zoë")
      }

      assert.isTrue(existsSync(join(folder, "r.html")), "what comes after standard output is written all the same")

      // Also where standard error goes away with it.
      const both = yield* shell(`patchbay sync c.csv ${toPatch} 2>&1 | head -0; exit \${PIPESTATUS[0]}`, {
        cwd: folder,
        env
      })
      assert.strictEqual(both.code, 0)
    })
  )

  it.effect("a disk that is full is told: of the report with 2, of the dead letters with 3", () =>
    Effect.gen(function* () {
      // The device that is always full is Linux'.
      if (!existsSync("/dev/full")) return
      const { env, folder, patchbay, sandbox, write } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }, { customerId: "c-3" }])
      write("c.csv", "customerId\nc-1\nc-2,too many\nc-3\n")
      write("good.csv", "customerId\nc-1\n")
      const [report, letters] = yield* Effect.all(
        [
          shell(`patchbay sync good.csv ${toPatch} --progress none > /dev/full`, { cwd: folder, env }),
          patchbay([
            ...["sync", "c.csv", ...toPatch.split(" "), "--dead-letters", "/dev/full"],
            ...["--checkpoint", "kept", "--progress", "none"]
          ])
        ],
        { concurrency: 2 }
      )
      assert.strictEqual(report.code, 2)
      assert.strictEqual(
        report.stderr,
        "The report cannot be written to standard output (ENOSPC). Check the free space.\nDone: 1 record, and none is left over.\n"
      )
      assert.strictEqual(letters.code, 3)
      assert.match(
        letters.stderr,
        /^Cannot write dead letters to \/dev\/full \(ENOSPC\)\. .*\n\n {2}patchbay sync c\.csv /
      )

      // The record that has no dead letter has no outcome yet either.
      const again = yield* patchbay([
        ...["sync", "c.csv", ...toPatch.split(" "), "--dead-letters", "dead.ndjson"],
        ...["--checkpoint", "kept", "--progress", "none"]
      ])
      assert.strictEqual(again.code, 1, again.stderr)
      assert.match(again.stdout, /records read +3\n +applied +2\n +rejected +1\n/)
    })
  )

  it.effect("a named pipe and <(…) are read as standard input is", () =>
    Effect.gen(function* () {
      const { env, folder, sandbox, write } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }, { customerId: "c-2" }])
      write("c.csv", "customerId,firstName\nc-1,Zoë\n")
      write("c.ndjson", '{"customerId":"c-2","firstName":"Ada"}\n')
      const named = yield* shell(
        `mkfifo pipe.csv; cat c.csv > pipe.csv & patchbay sync pipe.csv ${toPatch} --progress none`,
        { cwd: folder, env }
      )
      assert.deepStrictEqual(
        { code: named.code, stderr: named.stderr },
        { code: 0, stderr: "Done: 1 record, and none is left over.\n" }
      )
      const substituted = yield* shell(
        `gzip c.ndjson; patchbay sync <(zcat c.ndjson.gz) --format ndjson ${toPatch} --progress none`,
        { cwd: folder, env }
      )
      assert.strictEqual(substituted.code, 0, substituted.stderr)
      const customers = yield* sandbox.reachCustomers("acme")
      assert.deepStrictEqual(
        [...customers.values()].map(({ firstName }) => firstName),
        ["Zoë", "Ada"]
      )

      const [kept, unnamed] = yield* Effect.all([
        shell(`patchbay sync pipe.csv ${toPatch} --checkpoint kept`, { cwd: folder, env }),
        shell(`patchbay sync <(zcat c.ndjson.gz) ${toPatch}`, { cwd: folder, env })
      ])
      assert.strictEqual(kept.code, 2)
      assert.match(kept.stderr, /^--checkpoint needs a source that can be read again .* which pipe\.csv is not\./)
      assert.strictEqual(unnamed.code, 2)
      assert.match(unnamed.stderr, /Say --format csv or --format ndjson/)
    })
  )

  it.effect("a file that fails while it is read is told with what the system said", () =>
    Effect.gen(function* () {
      // A file of Linux of which the first byte cannot be read.
      if (!existsSync("/proc/self/mem")) return
      const { patchbay } = yield* World.make
      const { code, stderr } = yield* patchbay([
        ...["sync", "/proc/self/mem", "--format", "csv", ...toPatch.split(" "), "--progress", "none"]
      ])
      assert.deepStrictEqual({ code, stderr }, { code: 2, stderr: "/proc/self/mem cannot be read: EIO.\n" })
    })
  )

  it.effect("a source without records is no error, whatever its form, and is said to be so", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      write("empty.csv", "")
      write("empty.ndjson", "")
      write("header.csv", "customerId\n")
      for (const name of ["empty.csv", "empty.ndjson", "header.csv"]) {
        const { code, stderr } = yield* patchbay(["sync", name, ...toPatch.split(" "), "--progress", "none"])
        assert.deepStrictEqual(
          { code, stderr },
          { code: 0, stderr: `There were no records in ${name}, so that nothing was sent.\n` }
        )
      }
      const piped = yield* patchbay(["sync", "-", "--format", "csv", ...toPatch.split(" "), "--dry-run"])
      assert.strictEqual(piped.code, 0)
      assert.match(piped.stderr, /^Nothing was sent\. There are no records in standard input\. /)
      assert.lengthOf(yield* sandbox.requests, 0)
    })
  )

  it.effect("a folder that cannot be written to is told before anything is sent", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      write("c.csv", "customerId\nc-1\n")
      // A path below a file is one that nobody can write to, not even root. In Linux' process table nothing can be made.
      for (const kept of ["c.csv/kept", ...(existsSync("/proc/self") ? ["/proc/kept", "/proc/kept/acme"] : [])]) {
        const { code, stderr, stdout } = yield* patchbay([
          ...["sync", "c.csv", ...toPatch.split(" "), "--checkpoint", kept]
        ])
        assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
        assert.match(stderr, new RegExp(`^The checkpoint ${kept} cannot be written \\(\\w+\\)\\. `))
      }
      assert.lengthOf(yield* sandbox.requests, 0)
    })
  )
})
