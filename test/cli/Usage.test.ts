import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

const toBatch = ["--to", "reach.batch-patch"]
const toPatch = ["--to", "reach.patch"]
const toPocketflows = ["--to", "pocketflows.batch-update"]
const sync = ["sync", "IN/customers.csv"]

/** Calls that cannot work. `IN` is a folder. */
const calls: { readonly [what: string]: ReadonlyArray<ReadonlyArray<string>> } = {
  commands: [["synk"], ["checkpoint", "sho"], [...sync], ["sync", ...toBatch], [...sync, "more.csv", ...toBatch]],
  options: [
    [...sync, ...toBatch, "--batch-record", "5"],
    [...sync, ...toBatch, "--dry-rnu"],
    [...sync, "--to", "reach.bach-patch"],
    [...sync, ...toBatch, "--token", "do-not-repeat-me"],
    [...sync, ...toBatch, "--password=do-not-repeat-me"],
    [...sync, ...toBatch, "--batch-records", "0"],
    [...sync, ...toBatch, "--batch-bytes", "1.5"],
    [...sync, ...toBatch, "--concurrency", "many"],
    [...sync, ...toBatch, "--rate-limit", "10"],
    [...sync, ...toBatch, "--rate-limit", "0/1s"],
    [...sync, ...toBatch, "--retry-for", "15"],
    [...sync, ...toBatch, "--timeout", "0s"],
    [...sync, ...toBatch, "--settle-for", "soon"],
    [...sync, ...toBatch, "--empty", "maybe"],
    [...sync, ...toBatch, "--empty", "phone=maybe"],
    [...sync, ...toBatch, "--empty", "fone=null", "--dry-run"],
    [...sync, ...toBatch, "--empty", "phone=null", "--empty", "phone=text", "--dry-run"],
    [...sync, ...toBatch, "--empty", "null", "--empty", "absent", "--dry-run"],
    [...sync, ...toBatch, "--delete-consent", "phone"],
    [...sync, ...toBatch, "--map", "email"],
    [...sync, ...toBatch, "--map", "mail=E-Mail"],
    [...sync, ...toBatch, "--map", "email=E-Mail", "--dry-run"],
    [...sync, ...toBatch, "--map", "email=E-Mail", "--map", "email=Mail"],
    ["sync", "IN/both.csv", ...toBatch, "--map", "email=mail", "--dry-run"],
    ["sync", "IN/customers.ndjson", ...toBatch, "--map", "email=traits.email", "--dry-run"],
    ["sync", "IN/nobody.ndjson", ...toBatch, "--dry-run"],
    ["sync", "IN/header.csv", ...toBatch, "--dry-run"]
  ],
  destinations: [
    [...sync, ...toBatch, "--batch-records", "1001"],
    [...sync, ...toPatch, "--batch-records", "2"],
    [...sync, ...toPatch, "--settle", "applied"],
    [...sync, ...toPocketflows, "--business", "b-1", "--settle", "accepted"],
    [...sync, ...toPatch, "--settle-for", "1h"],
    [...sync, ...toBatch, "--settle", "accepted", "--settle-for", "1h"],
    [...sync, ...toPocketflows, "--business", "b-1", "--delete-consent", "emailOptOut"],
    [...sync, ...toPatch, "--same-key", "keep"],
    [...sync, ...toPocketflows, "--business", "b-1", "--same-key", "keep"],
    [...sync, ...toPatch, "--isolate", "halve"],
    [...sync, ...toPatch, "--on-conflict", "reject"],
    [...sync, "--to", "reach.create", "--on-conflict", "reject", "--same-key", "merge"],
    [...sync, ...toPocketflows],
    [...sync, ...toPocketflows, "--tenant", "t"],
    [...sync, ...toBatch, "--business", "b-1"]
  ],
  files: [
    ["sync", "IN/nothing.csv", ...toBatch],
    ["sync", "IN", ...toBatch],
    ["sync", "IN/customers.txt", ...toBatch],
    ["sync", "-", ...toBatch],
    ["sync", "-", "--format", "csv", ...toBatch, "--checkpoint", "IN/checkpoint"],
    [...sync, ...toBatch, "--dead-letters", "IN/none/dead.ndjson"],
    [...sync, ...toBatch, "--dead-letters", "IN/customers.csv/dead.ndjson"],
    [...sync, ...toBatch, "--dead-letters", "IN"],
    [...sync, ...toBatch, "--report", "IN/none/report.json"],
    [...sync, ...toBatch, "--report", "IN/report.txt"],
    [...sync, ...toBatch, "--report", "IN/report.html", "--dry-run"],
    ["retry", "IN/nothing.ndjson", ...toBatch],
    ["retry", "IN/customers.csv", ...toBatch, "--dead-letters", "IN/./customers.csv"]
  ],
  pairs: [
    [...sync, ...toBatch, "--dead-letters", "IN/symlink.csv"],
    [...sync, ...toBatch, "--dead-letters", "IN/hardlink.csv"],
    [...sync, ...toBatch, "--report", "IN/to-customers.json"],
    [...sync, ...toBatch, "--report", "IN/out.json", "--dead-letters", "IN/none/../out.json"],
    [...sync, ...toBatch, "--report", "IN/to-nothing.json", "--dead-letters", "IN/linked/nothing.json"],
    [...sync, ...toBatch, "--report", "IN/out.json", "--dead-letters", "IN/linked/out.json", "--dry-run"],
    [...sync, ...toBatch, "--env-file", "IN/token.env", "--dead-letters", "IN/linked/token.env"],
    [...sync, ...toBatch, "--checkpoint", "IN/kept", "--dead-letters", "IN/linked/kept"],
    [...sync, ...toBatch, "--checkpoint", "IN/kept", "--dead-letters", "IN/kept/checkpoint.ndjson"],
    ["sync", "IN/customers.csv", ...toBatch, "--checkpoint", "IN/customers.csv"],
    ["retry", "IN/customers.csv", ...toBatch, "--report", "IN/to-customers.json"]
  ],
  configuration: [
    [...sync, ...toBatch],
    [...sync, ...toPocketflows, "--business", "b-1"],
    [...sync, ...toBatch, "--env-file", "IN/none.env"],
    [...sync, ...toBatch, "--env-file", "IN/partner.env"],
    [...sync, ...toBatch, "--env-file", "IN/half.env"],
    [...sync, ...toBatch, "--env-file", "IN/broken.env"],
    [...sync, ...toBatch, "--env-file", "IN/token.env", "--base-url", "http://api.example.com"],
    [...sync, ...toBatch, "--env-file", "IN/token.env", "--base-url", "api.example.com"],
    [...sync, ...toBatch, "--env-file", "IN/insecure.env"]
  ]
}

describe("a call that cannot work", () => {
  for (const [what, calls_] of Object.entries(calls)) {
    it.effect(`${what}: exit 2, what is wrong, and what to do, and nothing on standard output`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const folder = yield* Command.folder
          mkdirSync(join(folder, "IN"))
          const write = (name: string, text: string) => writeFileSync(join(folder, "IN", name), text)
          write("customers.csv", "customerId,email\nc-1,ada@example.com\n")
          write("header.csv", "customerId,emial,shoe size\nc-1,ada@example.com,38\n")
          write("customers.txt", "")
          symlinkSync("customers.csv", join(folder, "IN/symlink.csv"))
          linkSync(join(folder, "IN/customers.csv"), join(folder, "IN/hardlink.csv"))
          symlinkSync("symlink.csv", join(folder, "IN/to-customers.json"))
          symlinkSync("linked/nothing.json", join(folder, "IN/to-nothing.json"))
          symlinkSync(".", join(folder, "IN/linked"))
          write("both.csv", "customerId,email,mail\nc-1,ada@example.com,ada@example.org\n")
          write("customers.ndjson", '{"customerId":"c-1"}\n'.repeat(1000))
          write("nobody.ndjson", '{"email":"ada@example.com"}\n'.repeat(1000))
          write("partner.env", "REACH_PARTNER_SECRET=do-not-repeat-me\nREACH_PARTNER_ID=p\n")
          write("half.env", "REACH_PARTNER_ID=p\n")
          write("broken.env", 'REACH_TOKEN="do-not-repeat-me\\n"\n')
          write("token.env", "REACH_TOKEN=do-not-repeat-me\n")
          write("insecure.env", "REACH_TOKEN=do-not-repeat-me\nREACH_BASE_URL=http://api.example.com\n")
          const texts: Array<string> = []
          for (const call of calls_) {
            const args = call.map((word) => word.replaceAll("IN", join(folder, "IN")))
            const { code, stderr, stdout } = yield* InProcess.run(args)
            assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" }, stderr)
            assert.notInclude(stderr, "do-not-repeat-me")
            texts.push(`$ patchbay ${call.join(" ")}\n${stderr}`)
          }
          Golden.check(`usage-${what}`, texts.join("\n"), [[join(folder, "IN"), "IN"]])
        })
      )
    )
  }

  it.effect("what the environment sets wins over what the file says", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* Command.folder
        writeFileSync(join(folder, "c.csv"), "customerId\nc-1\n")
        writeFileSync(join(folder, ".env"), "REACH_TOKEN=any\nREACH_BASE_URL=file://from-the-file\n")
        const args = ["sync", join(folder, "c.csv"), ...toPatch, "--env-file", join(folder, ".env")]
        const ofFile = yield* InProcess.run(args)
        assert.include(ofFile.stderr, "REACH_BASE_URL is neither https: nor http:")
        const ofBoth = yield* InProcess.run(args, { REACH_BASE_URL: "from-the-environment" })
        assert.include(ofBoth.stderr, "REACH_BASE_URL is not a URL")
      })
    )
  )

  it.live("a variable that is missing, and a file of them, is told by the built command too", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* Command.folder
        writeFileSync(join(cwd, "c.csv"), "customerId\nc-1\n")
        const [variable, file] = yield* Effect.all(
          [
            Command.run(["sync", "c.csv", ...toPatch], { cwd }),
            Command.run(["sync", "c.csv", ...toPatch, "--env-file", "none.env"], { cwd })
          ],
          { concurrency: 2 }
        )
        assert.strictEqual(variable.code, 2)
        assert.match(variable.stderr, /^REACH_TOKEN is not set\. Set REACH_TOKEN, or /)
        // Node looks at this option of a script before the script does (nodejs/node#54232), and ends with 9.
        assert.include([2, 9], file.code)
        assert.include(file.stderr, "none.env")
      })
    )
  )
})
