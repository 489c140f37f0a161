import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import type { ServerResponse } from "node:http"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Postgres from "../../support/Postgres.ts"
import * as ScriptedServer from "../../support/ScriptedServer.ts"

const script = fileURLToPath(new URL("SharedLimitProcess.ts", import.meta.url))
const processes = 10
const limit = 50
const mostStretches = 4

interface Arrival {
  readonly from: string
  /** When it was started, by the clock of the machine that only goes forward, which all processes see alike. */
  readonly started: number
  readonly arrived: number
}

const millis = () => Number(process.hrtime.bigint()) / 1e6

/** A vendor that writes down what comes, and answers as it is told. */
const vendor = Effect.gen(function* () {
  const arrivals: Array<Arrival> = []
  const world = { answer: (response: ServerResponse) => void response.writeHead(200).end() }
  const server = yield* ScriptedServer.serve((request, response) => {
    const { from, started } = request.headers
    arrivals.push({ from: String(from), started: Number(started), arrived: millis() })
    world.answer(response)
  })
  return { arrivals, world, url: server.url }
})

const start = (...args: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [script, ...args], { stdio: ["ignore", "ignore", "inherit"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const until = (condition: () => boolean, millis: number) =>
  Effect.gen(function* () {
    for (let waited = 0; !condition(); waited += 50) {
      if (waited > millis) return yield* Effect.die(new Error("It did not come to it."))
      yield* Effect.sleep(50)
    }
  })

/** Which share of short sleeps ended so late that a turn would be lost. */
const lateTimers = (time: number) =>
  Effect.gen(function* () {
    const ends = millis() + time
    let all = 0
    let late = 0
    while (millis() < ends) {
      const due = millis() + 10
      yield* Effect.sleep(10)
      all++
      if (millis() > due + 15) late++
    }
    return late / all
  })

/** The most in any window of a second. */
const mostIn = (times: ReadonlyArray<number>) => {
  const sorted = [...times].sort((a, b) => a - b)
  let first = 0
  let most = 0
  sorted.forEach((time, i) => {
    while ((sorted[first] ?? 0) <= time - 1000) first++
    most = Math.max(most, i - first + 1)
  })
  return most
}

const share = (
  kind: string,
  store: { readonly url: string; readonly stop: Effect.Effect<void>; readonly start: Effect.Effect<void> }
) =>
  Effect.gen(function* () {
    const { arrivals, url, world } = yield* vendor
    yield* Effect.forEach(Array.from({ length: processes }), () => start(kind, store.url, url, "4000"))
    const seen = (from: number) =>
      new Set(arrivals.filter(({ arrived }) => arrived >= from).map(({ from }) => from)).size
    yield* until(() => seen(0) === processes, 60_000)

    // Turns that a busy machine makes late are lost. Whether it is busy is seen by a timer.
    let best = 0
    let calm = 0
    for (let stretch = 0; stretch < mostStretches && best < limit * 0.95; stretch++) {
      const from = millis()
      const late = yield* lateTimers(4000)
      const to = millis()
      const rate = arrivals.filter(({ started }) => started >= from && started < to).length / ((to - from) / 1000)
      best = Math.max(best, rate)
      if (late < 0.01) calm = Math.max(calm, rate)
      const started = arrivals.map(({ started }) => started)
      const arrived = arrivals.map(({ arrived }) => arrived)
      process.stdout.write(
        `${kind}: ${rate.toFixed(2)} a second by ${seen(from)} processes, ${mostIn(started)} in the worst window as started, ${mostIn(arrived)} as arrived; ${(100 * late).toFixed(1)} % of timers late\n`
      )
      assert.isAtMost(mostIn(started), limit)
      assert.isAtMost(rate, limit * 1.01)
      assert.strictEqual(seen(from), processes)
    }
    if (best < limit * 0.95) {
      process.stdout.write(`${kind}: SKIPPED, as the machine is too busy to see how much of the limit is used.\n`)
      assert.strictEqual(calm, 0)
      assert.isAtLeast(best, limit * 0.1)
    }

    if (kind === "redis" && process.env.SOAK === undefined) return yield* withoutStore(kind, store, arrivals)

    // One is told to wait: all of them do.
    const answer = world.answer
    let paused = 0
    world.answer = (response) => {
      paused = millis()
      world.answer = answer
      response.writeHead(429, { "retry-after": "4" }).end()
    }
    yield* until(() => paused > 0, 10_000)
    yield* Effect.sleep("5500 millis")
    const between = (after: number, before: number) =>
      arrivals.filter(({ started }) => started >= paused + after && started < paused + before).length
    process.stdout.write(
      `${kind}: ${between(1, 1000)} in the second after a pause, ${between(1000, 4000)} in the rest of it, ${between(4000, 5500)} after it\n`
    )
    assert.strictEqual(between(1000, 4000), 0)
    assert.isAtLeast(between(4000, 5500), 10)

    // Some see it fail, and all leave it alone; one tries again for all.
    const failing = millis()
    world.answer = (response) => void response.writeHead(503).end()
    yield* Effect.sleep("4 seconds")
    world.answer = answer
    const failed = (after: number, before: number) =>
      arrivals.filter(({ started }) => started >= failing + after && started < failing + before).length
    process.stdout.write(
      `${kind}: ${failed(0, 1000)} in the second after it failed, ${failed(1000, 2000)} in the next, ${failed(2000, 4000)} then\n`
    )
    // A busy machine is later than a second.
    assert.isAtMost(failed(2000, 4000), 2)
    yield* until(() => failed(4000, 20_000) >= 50, 20_000)

    yield* withoutStore(kind, store, arrivals)
  })

/** Without its store, each goes on with the share that it was told; and as before once it is back. */
const withoutStore = (
  kind: string,
  store: { readonly stop: Effect.Effect<void>; readonly start: Effect.Effect<void> },
  arrivals: ReadonlyArray<{ readonly started: number }>
) =>
  Effect.gen(function* () {
    yield* store.stop
    yield* Effect.sleep("2 seconds")
    const alone = millis()
    yield* Effect.sleep("4 seconds")
    const meanwhile = arrivals.filter(({ started }) => started >= alone).length / ((millis() - alone) / 1000)
    process.stdout.write(`${kind}: ${meanwhile.toFixed(2)} a second without the store\n`)
    assert.isAtMost(meanwhile, limit * 1.05)
    assert.isAtLeast(meanwhile, limit * 0.3)
    yield* store.start
    yield* Effect.sleep("4 seconds")
    const back = millis()
    yield* Effect.sleep("4 seconds")
    const again = arrivals.map(({ started }) => started).filter((at) => at >= back)
    process.stdout.write(`${kind}: ${again.length / 4} a second with it again, ${mostIn(again)} in the worst window\n`)
    assert.isAtMost(mostIn(again), limit)
    // What a busy machine loses is seen above.
    assert.isAtLeast(again.length / 4, limit * 0.1)
  })

/** A Redis server on loopback that keeps nothing. */
const redis = Effect.gen(function* () {
  const port = yield* Effect.callback<number>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
    })
  })
  let running: ChildProcess | undefined
  const launch = Effect.callback<void>((resume) => {
    running = spawn(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      {
        stdio: ["ignore", "pipe", "inherit"]
      }
    )
    running.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("Ready to accept connections")) resume(Effect.void)
    })
  })
  const stop = Effect.callback<void>((resume) => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return resume(Effect.void)
    running.once("exit", () => resume(Effect.void))
    running.kill("SIGTERM")
  })
  yield* Effect.acquireRelease(launch, () => stop)
  return { url: `redis://127.0.0.1:${port}`, stop, start: launch }
})

const hasRedis = spawnSync("redis-server", ["--version"]).status === 0
if (!hasRedis) {
  process.stdout.write(
    "SKIPPED: a limit shared through Redis is not tested, because redis-server is not installed here.\n"
  )
}

describe(`${processes} processes keep one limit, pause together, and go on without their store`, () => {
  it.live(
    "over PostgreSQL",
    () => Effect.scoped(Effect.flatMap(Postgres.make, (store) => share("postgres", store))),
    180_000
  )
  const overRedis = hasRedis ? "over Redis" : "over Redis: SKIPPED, because redis-server is not installed"
  it.live.skipIf(!hasRedis)(
    overRedis,
    () => Effect.scoped(Effect.flatMap(redis, (store) => share("redis", store))),
    180_000
  )
})
