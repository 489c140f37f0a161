/**
 * That a body goes with V8's young generation once its answer has come: nothing that lives long, or did, still points to
 * it. A sync's memory is bounded by that.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as ScriptedServer from "../support/ScriptedServer.ts"

const run = (script: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const path = join(import.meta.dirname, "../support", script)
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", path, ...args])
    // It is what the script prints.
    return JSON.parse(stdout) as Bodies
  })

interface Bodies {
  readonly accepted: number
  readonly kept: number
  readonly live: number
  readonly batches: number
}

const measure = (where: string) =>
  Effect.gen(function* () {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    const bodies = yield* run("BodiesProcess.ts", where, folder)
    assert.strictEqual(bodies.accepted, bodies.batches * 100)
    // More would be a leak.
    assert.isAtMost(bodies.live, 10)
    return bodies.kept / bodies.batches
  }).pipe(Effect.scoped)

// Takes everything.
const server = (tellsLength: boolean) => {
  let answers = 0
  return ScriptedServer.serve((request, response) => {
    request.resume().on("end", () => {
      const data = { batchId: `b-${answers++}`, message: "taken", recordCount: 100, schemaDefinitionId: "s" }
      const body = JSON.stringify({ success: true, data })
      const length = tellsLength ? { "content-length": body.length } : {}
      response.writeHead(202, { "content-type": "application/json", ...length }).end(body)
    })
  })
}

const most = 0.22

// Some are caught by a collection while they are on their way, and now and then such a one holds others for a while.
const goes = (where: string) =>
  Effect.gen(function* () {
    let least = 1
    for (let tries = 0; tries < 4 && least > most; tries++) least = Math.min(least, yield* measure(where))
    assert.isAtMost(least, most)
  })

layer(NodeServices.layer, { excludeTestServices: true })("bodies whose answers have come", (it) => {
  it.effect("go with the next young collections, whoever sends them", () => goes("answered"))

  for (const tellsLength of [true, false]) {
    const answers = tellsLength ? "say how long they are" : "do not say how long they are"
    it.effect(`go with the next young collections when NodeHttp sends them, and answers ${answers}`, () =>
      Effect.flatMap(server(tellsLength), ({ url }) => goes(url))
    )
  }

  it.effect("are not held by batches that wait for the checkpoint", () =>
    Effect.gen(function* () {
      const { accepted, batches, live } = yield* run("WaitingBodiesProcess.ts")
      assert.strictEqual(accepted, batches * 100)
      assert.isAtMost(live, batches / 4)
    })
  )
})
