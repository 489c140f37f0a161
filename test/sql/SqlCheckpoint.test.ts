import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, Scope, Stream } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlCheckpoint from "../../src/sql/SqlCheckpoint.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import type { DeadLetter } from "../../src/sync/books/DeadLetters.ts"
import { fingerprint, state } from "../support/CheckpointStates.ts"
import * as Postgres from "../support/Postgres.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

class Server extends Context.Service<Server, Postgres.Server>()("Server") {}

const database = Layer.unwrap(
  Effect.map(Server, ({ url }) => PgClient.layer({ url: Redacted.make(url), idleTimeout: "1 minute" }))
).pipe(Layer.provideMerge(Layer.effect(Server, Postgres.make)), Layer.provideMerge(NodeServices.layer))

const lease = "1 second"
const claimOfAnother = (key: string, silentFor: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql`INSERT INTO patchbay_claims (checkpoint, token, holder, beat_at)
      VALUES (${key}, 'another', ${JSON.stringify({ instance: "x", pid: 12, host: "elsewhere", since: "2026-01-01T00:00:00.000Z", order: "0" })}, clock_timestamp() - ${silentFor}::interval)`
  )

const letter = (offset: number, value: unknown = "x"): DeadLetter => ({
  offset,
  outcome: "Rejected",
  reason: { tag: "BadRequest", message: "no", issues: [] },
  time: "2026-01-01T00:00:00.000Z",
  record: { format: "json", value }
})

const lettersOf = (key: string) => Stream.runCollect(SqlDeadLetters.read(key))

layer(database, { timeout: 60_000, excludeTestServices: true })("a sync in PostgreSQL", (it) => {
  it.effect("keeps the last state that was written, for the next run of the same fingerprint only", () =>
    Effect.gen(function* () {
      const checkpoint = SqlCheckpoint.make("kept")
      assert.isTrue(Option.isNone(yield* checkpoint.read))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const open = yield* checkpoint.open(fingerprint)
          assert.isTrue(Option.isNone(open.state))
          yield* open.write(state(1))
          yield* open.write(state(2))
        })
      )
      assert.deepStrictEqual(yield* checkpoint.read, Option.some({ ...state(2), fingerprint }))
      const found = yield* Effect.scoped(checkpoint.open(fingerprint))
      assert.deepStrictEqual(found.state, Option.some({ ...state(2), fingerprint }))
      const error = yield* Effect.flip(Effect.scoped(checkpoint.open({ ...fingerprint, schema: "another" })))
      assert.strictEqual(error._tag, "CheckpointMismatch")
      assert.isTrue(yield* checkpoint.reset)
      assert.isTrue(Option.isNone(yield* checkpoint.read))
      assert.isFalse(yield* checkpoint.reset)
    })
  )

  it.effect("of runs that start together one gets it, and it is free once that one has ended", () =>
    Effect.gen(function* () {
      const checkpoint = SqlCheckpoint.make("one", { lease })
      const scope = yield* Scope.make()
      const tags = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () =>
          checkpoint
            .open(fingerprint)
            .pipe(Scope.provide(scope), Effect.match({ onSuccess: () => "opened", onFailure: ({ _tag }) => _tag })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(tags.sort(), [...Array.from({ length: 4 }, () => "CheckpointInUse"), "opened"])
      yield* Scope.close(scope, Exit.void)
      yield* Effect.scoped(checkpoint.open(fingerprint))
    })
  )

  it.effect("a run elsewhere is taken over as soon as it was silent for the lease, by the clock of the database", () =>
    Effect.gen(function* () {
      const checkpoint = SqlCheckpoint.make("elsewhere", { lease: "1 minute" })
      assert.isTrue(Option.isNone(yield* checkpoint.read))
      yield* claimOfAnother("elsewhere", "59 seconds")
      const started = performance.now()
      yield* Effect.scoped(checkpoint.open(fingerprint))
      // Not a minute more, as if it had been seen for the first time.
      assert.isBelow(performance.now() - started, 30_000)
      assert.isAbove(performance.now() - started, 500)
    })
  )

  it.effect("a claim that an ended run of this process could not take back is no run", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      // Long: it is not waited for.
      const checkpoint = SqlCheckpoint.make("left", { lease: "10 minutes" })
      const scope = yield* Scope.make()
      yield* Scope.provide(checkpoint.open(fingerprint), scope)
      yield* sql`CREATE TABLE left_claims AS SELECT * FROM patchbay_claims WHERE checkpoint = 'left'`
      yield* Scope.close(scope, Exit.void)
      yield* sql`INSERT INTO patchbay_claims SELECT * FROM left_claims`
      yield* Effect.scoped(checkpoint.open(fingerprint))
      assert.deepStrictEqual(yield* sql`SELECT 1 FROM patchbay_claims WHERE checkpoint = 'left'`, [])
    })
  )

  it.effect("a run that is stopped within a transaction holds nobody up for longer than its lease", () =>
    Effect.gen(function* () {
      const entered = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(SqlCheckpoint.make("held", { lease }).open(fingerprint), scope)
      assert.isDefined(first.joint)
      const stopped = yield* first.joint
        .transaction(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
        .pipe(Effect.forkChild)
      yield* Deferred.await(entered)
      const sql = yield* SqlClient.SqlClient
      yield* sql`DELETE FROM patchbay_claims WHERE checkpoint = 'held'`
      yield* Effect.scoped(SqlCheckpoint.make("held", { lease }).open(fingerprint))
      yield* Fiber.interrupt(stopped)
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("a run that was taken over writes nothing, is not sure any more, and says who has it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checkpoint = SqlCheckpoint.make("taken", { lease })
      const first = yield* checkpoint.open(fingerprint)
      yield* first.write(state(1))
      assert.isTrue(first.lease?.isSure())
      yield* sql`DELETE FROM patchbay_claims WHERE checkpoint = 'taken'`
      const second = yield* checkpoint.open(fingerprint)
      const error = yield* Effect.flip(first.write(state(7)))
      assert(error._tag === "CheckpointTakenOver")
      assert.include(error.message, `was taken over by process ${process.pid}`)
      yield* Effect.sleep(1000)
      assert.isFalse(first.lease?.isSure())
      assert.strictEqual((yield* Effect.flip(first.lease?.renew ?? Effect.void))._tag, "CheckpointTakenOver")
      assert.isTrue(second.lease?.isSure())
      yield* second.write(state(2))
      assert.deepStrictEqual(yield* checkpoint.read, Option.some({ ...state(2), fingerprint }))
    }).pipe(Effect.scoped)
  )

  it.effect("a run that gives a sign of life in the last moment is not taken over", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checkpoint = SqlCheckpoint.make("late", { lease })
      assert.isTrue(Option.isNone(yield* checkpoint.read))
      yield* claimOfAnother("late", "5 seconds")
      // Whoever removes a claim waits for this transaction, and finds another sign of life.
      const held = yield* Deferred.make<void>()
      const sign = yield* Effect.forkChild(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`UPDATE patchbay_claims SET beat_at = clock_timestamp() WHERE checkpoint = 'late'`
            yield* Deferred.succeed(held, undefined)
            yield* Effect.sleep(300)
          })
        )
      )
      yield* Deferred.await(held)
      const error = yield* Effect.flip(Effect.scoped(checkpoint.open(fingerprint)))
      assert.strictEqual(error._tag, "CheckpointInUse")
      yield* Fiber.join(sign)
      assert.strictEqual((yield* sql`SELECT 1 FROM patchbay_claims WHERE token = 'another'`).length, 1)
    })
  )

  it.effect("a run that is stopped beyond its lease begins no request when it wakes, and the other brings all", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const requests: Array<{ readonly by: string; readonly at: number; readonly ids: ReadonlyArray<string> }> = []
      let seen = 0
      const reached = yield* Deferred.make<void>()
      const api = yield* ScriptedServer.serve((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => {
          body += chunk.toString()
        })
        request.on("end", () => {
          const ids = (JSON.parse(body) as { resources: Array<{ customerId: string }> }).resources
          requests.push({
            by: request.headers.authorization ?? "",
            at: performance.now(),
            ids: ids.map(({ customerId }) => customerId)
          })
          if (++seen === 20) Deferred.doneUnsafe(reached, Exit.void)
          setTimeout(() => {
            response.writeHead(202, { "content-type": "application/json" })
            response.end(
              JSON.stringify({
                success: true,
                data: { batchId: `b-${seen}`, message: "taken", recordCount: ids.length, schemaDefinitionId: "s" }
              })
            )
          }, 10)
        })
      })
      const first = yield* start([api.url, url, "first", "1500"])
      yield* Effect.raceFirst(Deferred.await(reached), first.said)
      assert.isAtLeast(seen, 20)
      first.signal("SIGSTOP")
      const second = yield* start([api.url, url, "second", "1500"])
      assert.strictEqual(yield* second.said, "done 1000")
      const woken = performance.now()
      first.signal("SIGCONT")
      assert.strictEqual(yield* first.said, "stopped CheckpointTakenOver")
      // Two were in flight; what it had handed over before it was stopped may come late.
      const late = requests.filter(({ at, by }) => by === "Bearer first" && at > woken)
      assert.isAtMost(late.length, 2)
      assert.strictEqual(new Set(requests.flatMap(({ ids }) => ids)).size, 1000)
      assert.isAbove(requests.filter(({ by }) => by === "Bearer second").length, 70)
    }).pipe(Effect.scoped)
  )

  it.effect("letters are read as they were written, by run and offset, each once", () =>
    Effect.gen(function* () {
      const box = SqlDeadLetters.make("alone")
      const awkward = { text: "\u0000 '\" \ud800 é 😀", number: 1e21, nested: [null, { a: 1.5 }] }
      const { write } = yield* box.open({ startedAt: 2 })
      yield* write([letter(10), letter(3, awkward), letter(3, awkward)])
      yield* write([letter(10)])
      const other = yield* box.open({ startedAt: 1 })
      yield* other.write([letter(5)])
      assert.deepStrictEqual(yield* lettersOf("alone"), [letter(5), letter(3, awkward), letter(10)])
      yield* write(Array.from({ length: 2500 }, (_, n) => letter(100 + n)))
      assert.strictEqual((yield* lettersOf("alone")).length, 2503)
      assert.deepStrictEqual(yield* lettersOf("another"), [])
    }).pipe(Effect.scoped)
  )

  it.effect("letters go in with the state of the checkpoint, and not at all where the run was taken over", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const open = yield* SqlCheckpoint.make("joint", { lease }).open(fingerprint)
      const { write } = yield* SqlDeadLetters.make("joint").open({ startedAt: 1, checkpoint: open })
      yield* write([letter(1)])
      assert.deepStrictEqual(yield* lettersOf("joint"), [])
      yield* open.write(state(2))
      assert.deepStrictEqual(yield* lettersOf("joint"), [letter(1)])
      // So many do not wait for it.
      const many = Array.from({ length: 1000 }, (_, n) => letter(10 + n))
      yield* write(many)
      assert.deepStrictEqual(yield* lettersOf("joint"), [letter(1), ...many])

      yield* write([letter(5000)])
      yield* sql`DELETE FROM patchbay_claims WHERE checkpoint = 'joint'`
      yield* SqlCheckpoint.make("joint", { lease }).open(fingerprint)
      assert.strictEqual((yield* Effect.flip(open.write(state(3))))._tag, "CheckpointTakenOver")
      const error = yield* Effect.flip(write(many))
      assert.strictEqual(error.reason, "CheckpointTakenOver")
      assert.deepStrictEqual(yield* lettersOf("joint"), [letter(1), ...many])
    }).pipe(Effect.scoped)
  )
})

const script = fileURLToPath(new URL("./SyncProcess.ts", import.meta.url))

const start = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
      let said = ""
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString()
      })
      const gone = new Promise<void>((resolve) => child.on("close", () => resolve()))
      return {
        signal: (signal: NodeJS.Signals) => child.kill(signal),
        said: Effect.map(
          Effect.promise(() => gone),
          () => said
        )
      }
    }),
    ({ said, signal }) =>
      Effect.andThen(
        Effect.sync(() => signal("SIGKILL")),
        said
      )
  )
