import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Dispatch from "../../../src/sync/deliver/Dispatch.ts"
import * as KeyHash from "../../../src/sync/record/KeyHash.ts"

interface Job {
  readonly keys: ReadonlyArray<string>
  /** Milliseconds that it runs; 0 ends before anything else happens. */
  readonly takes: number
  /** Milliseconds that upstream needs to make it. */
  readonly comes?: number
}

const job = (keys: string, takes = 1000): Job => ({ keys: keys === "" ? [] : keys.split(" "), takes })

const keys = (job: Job) => job.keys
const hashes = (job: Job) => Int32Array.from(job.keys, KeyHash.of)

/** When each job started and ended, which were interrupted, and whether two that share a key ever ran at once. */
const watch = () => {
  const held = new Map<string, number>()
  const started: Array<number> = []
  const ended: Array<number> = []
  const interrupted: Array<number> = []
  const order: Array<number> = []
  const overlaps: Array<string> = []
  let running = 0
  const run = (job: Job, index: number) =>
    Effect.gen(function* () {
      started[index] = yield* Clock.currentTimeMillis
      order.push(index)
      running++
      for (const key of new Set(job.keys)) {
        const other = held.get(key)
        if (other !== undefined) overlaps.push(`${other} and ${index} at ${key}`)
        held.set(key, index)
      }
      if (job.takes > 0) yield* Effect.sleep(job.takes)
      return index
    }).pipe(
      Effect.onInterrupt(() => Effect.sync(() => interrupted.push(index))),
      Effect.ensuring(
        Effect.gen(function* () {
          ended[index] = yield* Clock.currentTimeMillis
          running--
          for (const key of job.keys) held.delete(key)
        })
      )
    )
  return {
    run,
    started,
    ended,
    interrupted,
    order,
    overlaps,
    get running() {
      return running
    }
  }
}

/** Forks, lets an hour of virtual time pass, and says how it ended. */
const afterAnHour = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

/**
 * Forks, and lets virtual time pass a millisecond at a time, each time only when nothing moves any more: then
 * the time at which something happens is exact. `moves` is any number that changes when something happens.
 */
const stepByStep = <A, E, R>(effect: Effect.Effect<A, E, R>, moves: () => number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    for (let step = 0; step < 1000 && fiber.pollUnsafe() === undefined; step++) {
      for (let before = -1; before !== moves(); ) {
        before = moves()
        for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      }
      yield* TestClock.adjust(1)
    }
    return yield* Fiber.join(fiber)
  })

/**
 * When each job must start, said without any of the machinery: it is admitted when upstream has made it and
 * fewer than `window` of those before it are unfinished, and starts when those that share a key have ended.
 */
const expectedStarts = (jobs: ReadonlyArray<Job>, window: number, epoch: number): ReadonlyArray<number> => {
  const starts: Array<number> = []
  const ends: Array<number> = []
  let admitted = epoch
  for (const [index, job] of jobs.entries()) {
    const roomAt = ends.toSorted((a, b) => b - a)[window - 1] ?? epoch
    admitted = Math.max(admitted, roomAt) + (job.comes ?? 0)
    const free = jobs
      .slice(0, index)
      .flatMap((before, at) => (before.keys.some((key) => job.keys.includes(key)) ? [ends[at] ?? 0] : []))
    const start = Math.max(admitted, ...free)
    starts.push(start)
    ends.push(start + job.takes)
  }
  return starts
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const jobs = (differentKeys: number) =>
  Schema.Array(
    Schema.Struct({
      keys: Schema.Array(between(1, differentKeys)).check(Schema.isMaxLength(4)),
      takes: between(0, 5),
      comes: between(0, 2)
    })
  ).check(Schema.isMaxLength(40))

describe("Dispatch.mapEffect", () => {
  for (const differentKeys of [2, 6, 60]) {
    it.effect.prop(
      `every element runs once, as soon as its keys and the window allow and no sooner (${differentKeys} keys)`,
      { jobs: jobs(differentKeys), window: between(1, 12), chunk: between(1, 9) },
      ({ chunk, jobs, window }) =>
        Effect.gen(function* () {
          // Time that upstream takes is per pull, so it is only modelled where each pull makes one element.
          const all: ReadonlyArray<Job> = jobs.map(({ comes, keys, takes }) => ({
            keys: keys.map(String),
            takes,
            comes: chunk === 1 ? comes : 0
          }))
          const epoch = yield* Clock.currentTimeMillis
          const watched = watch()
          const gauge = Dispatch.gauge()
          let highest = 0
          let taken = 0
          const source =
            chunk === 1
              ? Stream.mapEffect(Stream.fromIterable(all), (job) => Effect.delay(Effect.succeed(job), job.comes ?? 0))
              : Stream.rechunk(Stream.fromIterable(all), chunk)
          const results = yield* source.pipe(
            Dispatch.mapEffect(
              (job, index) => {
                highest = Math.max(highest, gauge.running + gauge.waiting)
                return watched.run(job, index)
              },
              { keys: chunk % 2 === 0 ? hashes : keys, window, gauge }
            ),
            Stream.tap(() => Effect.sync(() => taken++)),
            Stream.runCollect,
            (effect) => stepByStep(effect, () => taken + watched.order.length)
          )
          assert.deepStrictEqual(watched.overlaps, [])
          assert.deepStrictEqual(
            Exit.map(results, (indices) => indices.toSorted((a, b) => a - b)),
            Exit.succeed(all.map((_, index) => index))
          )
          assert.deepStrictEqual(watched.started, expectedStarts(all, window, epoch))
          for (const key of new Set(all.flatMap((job) => job.keys))) {
            const ofKey = (indices: ReadonlyArray<number>) => indices.filter((index) => all[index]?.keys.includes(key))
            const inOrder = ofKey(all.map((_, index) => index))
            assert.deepStrictEqual(ofKey(watched.order), inOrder)
            if (Exit.isSuccess(results)) assert.deepStrictEqual(ofKey(results.value), inOrder)
          }
          assert.isAtMost(highest, window)
          assert.deepStrictEqual(gauge, { running: 0, waiting: 0 })
        })
    )
  }

  it.effect("an element that waits for a key lets others pass, but none that is in conflict with it", () =>
    Effect.gen(function* () {
      const watched = watch()
      const all = [job("a"), job("a b"), job("b c"), job("d"), job("c"), job("")]
      yield* Stream.fromIterable(all).pipe(Dispatch.mapEffect(watched.run, { keys }), Stream.runDrain, afterAnHour)
      assert.deepStrictEqual(watched.started, [0, 1000, 2000, 0, 3000, 0])
    })
  )

  it.effect("a key that an element names twice counts once", () =>
    Effect.gen(function* () {
      const watched = watch()
      const all = [job("a a"), job("a b a b"), job("b a")]
      yield* Stream.fromIterable(all).pipe(Dispatch.mapEffect(watched.run, { keys }), Stream.runDrain, afterAnHour)
      assert.deepStrictEqual(watched.started, [0, 1000, 2000])
    })
  )

  it.effect("without conflicts, as many run at once as the window allows", () =>
    Effect.gen(function* () {
      const watched = watch()
      yield* Stream.range(1, 100).pipe(
        Stream.map((i) => job(`k${i}`)),
        Dispatch.mapEffect(watched.run, { keys, window: 10 }),
        Stream.runDrain,
        afterAnHour
      )
      assert.strictEqual(watched.ended.length, 100)
      assert.strictEqual(Math.max(...watched.ended), 10_000)
    })
  )

  it.effect("upstream is not pulled beyond the window, and a result that is not taken fills it too", () =>
    Effect.scoped(
      Effect.gen(function* () {
        let pulled = 0
        const pull = yield* Stream.toPull(
          Stream.range(1, 100).pipe(
            Stream.rechunk(1),
            Stream.tap(() => Effect.sync(() => pulled++)),
            Stream.map((i) => (i === 3 ? job("k1") : job(`k${i}`, i * 1000))),
            Dispatch.mapEffect((job) => Effect.delay(Effect.succeed(job.keys), job.takes), { keys, window: 4 })
          )
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(pulled, 4)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(pulled, 4)
        // The third ran after the first, whose key it has.
        assert.deepStrictEqual(yield* pull, [["k1"], ["k2"], ["k1"], ["k4"]])
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(pulled, 8)
      })
    )
  )

  it.effect("a window full of elements that wait for one key moves on", () =>
    Effect.gen(function* () {
      const watched = watch()
      const all = [...Array.from({ length: 20 }, () => job("a")), job("b")]
      yield* Stream.fromIterable(all).pipe(
        Dispatch.mapEffect(watched.run, { keys, window: 5 }),
        Stream.runDrain,
        afterAnHour
      )
      assert.deepStrictEqual(
        watched.started,
        [...Array(20).keys(), 16].map((seconds) => seconds * 1000)
      )
    })
  )

  it.effect("a window below one is a window of one", () =>
    Effect.gen(function* () {
      const watched = watch()
      yield* Stream.make(job("a"), job("b")).pipe(
        Dispatch.mapEffect(watched.run, { keys, window: 0 }),
        Stream.runDrain,
        afterAnHour
      )
      assert.deepStrictEqual(watched.started, [0, 1000])
    })
  )

  it.effect("ten thousand elements that wait for each other end in order, and on one stack", () =>
    Effect.gen(function* () {
      const length = 10_000
      const gate = yield* Deferred.make<void>()
      const fiber = yield* Stream.range(0, length - 1).pipe(
        Dispatch.mapEffect((i) => (i === 0 ? Effect.as(Deferred.await(gate), i) : Effect.succeed(i)), {
          keys: () => ["a"],
          window: length
        }),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* TestClock.adjust(1)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [...Array(length).keys()])
    })
  )

  it.effect("the gauge says how many run and how many wait", () =>
    Effect.gen(function* () {
      const gauge = Dispatch.gauge()
      const fiber = yield* Stream.make(job("a"), job("a"), job("b"), job("a b")).pipe(
        Dispatch.mapEffect(watch().run, { keys, gauge }),
        Stream.runDrain,
        Effect.forkChild
      )
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(gauge, { running: 2, waiting: 2 })
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(gauge, { running: 1, waiting: 1 })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(gauge, { running: 0, waiting: 0 })
    })
  )
})

/** Runs to its end, and says what came out before it and how it ended. */
const collect = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.gen(function* () {
    const results: Array<A> = []
    const exit = yield* afterAnHour(Stream.runForEach(stream, (result) => Effect.sync(() => results.push(result))))
    return { results, exit }
  })

describe("Dispatch.mapEffect, when something fails", () => {
  const broken = Stream.concat(Stream.make(job("a"), job("a"), job("b", 3000)), Stream.fail("upstream" as const))

  it.effect("upstream fails: what was pulled runs, its results come, then the failure", () =>
    Effect.gen(function* () {
      const watched = watch()
      const { exit, results } = yield* collect(Dispatch.mapEffect(broken, watched.run, { keys }))
      assert.deepStrictEqual(results, [0, 1, 2])
      assert.deepStrictEqual(exit, Exit.fail("upstream"))
      assert.deepStrictEqual(watched.interrupted, [])
    })
  )

  it.effect("upstream fails, and the caller would not wait: what runs is interrupted, what waits never starts", () =>
    Effect.gen(function* () {
      const watched = watch()
      const { exit, results } = yield* collect(
        Dispatch.mapEffect(broken, watched.run, { keys, onFailure: "interrupt" })
      )
      assert.deepStrictEqual(results, [])
      assert.deepStrictEqual(exit, Exit.fail("upstream"))
      assert.deepStrictEqual(watched.interrupted, [0, 2])
      assert.deepStrictEqual(watched.order, [0, 2])
      assert.strictEqual(watched.running, 0)
    })
  )

  const failing =
    (watched: ReturnType<typeof watch>, failure: Effect.Effect<never, string>) => (job: Job, index: number) =>
      job.keys.includes("fails") ? Effect.andThen(watched.run(job, index), failure) : watched.run(job, index)

  const some = Stream.make(job("a", 3000), job("fails", 1000), job("a"), job("fails a"), job("b", 2000))

  // Upstream goes on for ever, and has to be let go.
  const endless = Stream.concat(Stream.rechunk(some, 1), Stream.never)

  it.effect("an element fails: those that run finish, no other starts, then the failure", () =>
    Effect.gen(function* () {
      const watched = watch()
      const { exit, results } = yield* collect(
        Dispatch.mapEffect(endless, failing(watched, Effect.fail("element")), { keys })
      )
      assert.deepStrictEqual(results, [4, 0])
      assert.deepStrictEqual(exit, Exit.fail("element"))
      assert.deepStrictEqual(watched.order, [0, 1, 4])
      assert.deepStrictEqual(watched.interrupted, [])
    })
  )

  it.effect("an element fails, and the caller would not wait: those that run are interrupted", () =>
    Effect.gen(function* () {
      const watched = watch()
      const { exit, results } = yield* collect(
        Dispatch.mapEffect(endless, failing(watched, Effect.fail("element")), { keys, onFailure: "interrupt" })
      )
      assert.deepStrictEqual(results, [])
      assert.deepStrictEqual(exit, Exit.fail("element"))
      assert.deepStrictEqual(watched.interrupted, [0, 4])
      assert.deepStrictEqual(
        watched.ended.filter((at) => at !== 1000),
        []
      )
    })
  )

  it.effect("the failures of several elements and of upstream are all told", () =>
    Effect.gen(function* () {
      const { exit } = yield* Stream.concat(Stream.make(1000, 2000), Stream.fail("upstream")).pipe(
        Dispatch.mapEffect((millis) => Effect.andThen(Effect.sleep(millis), Effect.fail(millis)), {
          keys: () => []
        }),
        collect
      )
      assert.deepStrictEqual(
        Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isFailReason).map(({ error }) => error) : [],
        ["upstream", 1000, 2000]
      )
    })
  )

  it.effect("a defect of an element is a defect of the stream, and the others finish", () =>
    Effect.gen(function* () {
      for (const die of [
        Effect.die("broken"),
        Effect.suspend((): Effect.Effect<never> => {
          throw "broken"
        })
      ]) {
        const watched = watch()
        const { exit, results } = yield* collect(Dispatch.mapEffect(endless, failing(watched, die), { keys }))
        assert.deepStrictEqual(results, [4, 0])
        assert.deepStrictEqual(exit, Exit.die("broken"))
      }
      const { exit } = yield* collect(
        Dispatch.mapEffect(
          endless,
          (): Effect.Effect<never> => {
            throw "broken"
          },
          { keys }
        )
      )
      assert.deepStrictEqual(exit, Exit.die("broken"))
    })
  )

  it.effect("an element that fails at once, with the window full, lets go of upstream", () =>
    Effect.gen(function* () {
      const { exit } = yield* collect(Dispatch.mapEffect(endless, () => Effect.fail("element"), { keys, window: 1 }))
      assert.deepStrictEqual(exit, Exit.fail("element"))
    })
  )

  it.effect("an element that makes another fail while it is being started is interrupted like the rest", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void, string>()
      const started = yield* Clock.currentTimeMillis
      const fiber = yield* Stream.make(job("a"), job("b"), job("c")).pipe(
        Dispatch.mapEffect(
          (_, index) =>
            index === 0 ? Deferred.await(gate) : Effect.andThen(Deferred.fail(gate, "element"), Effect.sleep(9000)),
          { keys, onFailure: "interrupt" }
        ),
        Stream.runDrain,
        Effect.exit,
        Effect.flatMap((exit) => Effect.map(Clock.currentTimeMillis, (at) => ({ exit, took: at - started }))),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { exit: Exit.fail("element"), took: 0 })
    })
  )

  it.effect("a defect of the keys is a defect of the stream, and what was admitted finishes", () =>
    Effect.gen(function* () {
      const watched = watch()
      const { exit, results } = yield* Stream.make(job("a"), job("a"), job("bad"), job("b")).pipe(
        Dispatch.mapEffect(watched.run, {
          *keys(job: Job) {
            yield "a"
            if (job.keys.includes("bad")) throw "broken"
          }
        }),
        collect
      )
      assert.deepStrictEqual(results, [0, 1])
      assert.deepStrictEqual(exit, Exit.die("broken"))
    })
  )

  it.effect("an element that interrupts itself ends the stream as interrupted", () =>
    Effect.gen(function* () {
      const { exit, results } = yield* Stream.make(1, 2).pipe(
        Dispatch.mapEffect((n) => (n === 1 ? Effect.interrupt : Effect.delay(Effect.succeed(n), 1000)), {
          keys: () => []
        }),
        collect
      )
      assert.deepStrictEqual(results, [])
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
    })
  )
})

describe("Dispatch.mapEffect, when it is stopped", () => {
  /** Elements that need a second to be interrupted, from a source that never ends. */
  const slowToStop = () => {
    const log: Array<string> = []
    const source = Stream.concat(Stream.make(job("a"), job("b", 9000), job("c", 9000), job("b")), Stream.never)
    const run = (job: Job, index: number) =>
      Effect.sleep(job.takes).pipe(
        Effect.as(index),
        Effect.onExit((exit) =>
          Exit.isSuccess(exit)
            ? Effect.sync(() => log.push(`${index} done`))
            : Effect.andThen(
                Effect.sleep(1000),
                Effect.sync(() => log.push(`${index} interrupted`))
              )
        )
      )
    return { log, source, run }
  }

  it.effect("interruption ends the running elements together, and waits for them", () =>
    Effect.gen(function* () {
      const { log, run, source } = slowToStop()
      const gauge = Dispatch.gauge()
      const fiber = yield* source.pipe(Dispatch.mapEffect(run, { keys, gauge }), Stream.runDrain, Effect.forkChild)
      yield* TestClock.adjust(2000)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust(999)
      const early = { log: [...log], stopped: stopping.pollUnsafe() !== undefined }
      yield* TestClock.adjust(1)
      const late = { log: [...log], stopped: stopping.pollUnsafe() !== undefined }
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(early, { log: ["0 done"], stopped: false })
      assert.deepStrictEqual(late, { log: ["0 done", "1 interrupted", "2 interrupted"], stopped: true })
      assert.strictEqual(log.length, 3)
      assert.deepStrictEqual(gauge, { running: 0, waiting: 0 })
    })
  )

  it.effect("downstream that has enough ends it in the same way", () =>
    Effect.gen(function* () {
      const { log, run, source } = slowToStop()
      const exit = yield* source.pipe(Dispatch.mapEffect(run, { keys }), Stream.take(1), Stream.runCollect, afterAnHour)
      assert.deepStrictEqual(exit, Exit.succeed([0]))
      assert.deepStrictEqual(log, ["0 done", "1 interrupted", "2 interrupted"])
    })
  )

  it.effect("an element that cannot be interrupted runs to its end, and is waited for", () =>
    Effect.gen(function* () {
      const { log, run, source } = slowToStop()
      const exit = yield* source.pipe(
        Dispatch.mapEffect((job, index) => Effect.uninterruptible(run(job, index)), { keys }),
        Stream.take(1),
        Stream.runDrain,
        afterAnHour
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(log, ["0 done", "1 done", "2 done"])
    })
  )

  it.effect("what upstream holds is released only when nothing reads from it any more", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = (text: string) => Effect.sync(() => log.push(text))
      const source = Stream.unwrap(
        Effect.gen(function* () {
          yield* Effect.acquireRelease(note("open"), () => note("closed"))
          const read = Effect.uninterruptible(Effect.andThen(Effect.sleep(5000), note("read")))
          return Stream.concat(Stream.make(job("a")), Stream.fromEffectRepeat(Effect.as(read, job("b"))))
        })
      )
      const exit = yield* source.pipe(
        Dispatch.mapEffect(watch().run, { keys }),
        Stream.take(1),
        Stream.runDrain,
        afterAnHour
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(log, ["open", "read", "closed"])
    })
  )
})
