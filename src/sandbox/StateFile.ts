/**
 * The customers and batches of a sandbox in a file, so that it can be stopped and started again.
 *
 * The file is NDJSON: a line that says what follows, and then a line for each customer and each batch.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FolderFlush from "../base/FolderFlush.ts"
import * as PlatformReason from "../base/PlatformReason.ts"
import * as InputIssue from "../json/InputIssue.ts"
import * as OwnFields from "../json/OwnFields.ts"
import * as PocketflowsSchema from "../pocketflows/PocketflowsSchema.ts"
import * as ReachSchema from "../reach/ReachSchema.ts"
import type { Batch } from "./BatchQueue.ts"
import type { SentPatch, StoredCustomer } from "./ReachRecord.ts"
import { Sandbox } from "./Sandbox.ts"

/**
 * There is a file, and it cannot be read as a state. The sandbox is as it was before.
 *
 * @category errors
 * @since 0.1.0
 */
export class StateUnreadable extends Schema.TaggedError<StateUnreadable>()("StateUnreadable", {
  path: Schema.String,
  /** 1-based; `undefined` where the file as a whole cannot be read. */
  line: Schema.UndefinedOr(Schema.Int),
  /** What is wrong, without what the file holds. */
  reason: Schema.String
}) {
  override get message(): string {
    const where = this.line === undefined ? "" : ` at line ${this.line}`
    return `The state ${this.path} cannot be read${where}: ${this.reason}. Restore it, name another file, or remove it to start without customers.`
  }
}

/**
 * The state could not be written. The file that was there before still stands.
 *
 * @category errors
 * @since 0.1.0
 */
export class StateUnwritable extends Schema.TaggedError<StateUnwritable>()("StateUnwritable", {
  path: Schema.String,
  /** The platform's reason: `PermissionDenied`, `ENOSPC` … */
  reason: Schema.String
}) {
  override get message(): string {
    return `The state ${this.path} cannot be written (${this.reason}). Check its folder, the permissions and the free space.`
  }
}

const format = "effect-patchbay sandbox"

// Changes when older versions of this library cannot understand the file any more.
const version = 1

const natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Header = Schema.Struct({
  format: Schema.Literal(format),
  version: Schema.Literal(version),
  /** How many lines follow: a file that was cut is not taken for a whole one. */
  lines: natural
})
const BatchState = Schema.Literals(["pending", "processing", "success", "partial_success", "failed"])
const StoredBatch = Schema.Struct({
  id: Schema.String,
  number: natural,
  tenant: Schema.String,
  request: natural,
  createdAt: Schema.Finite,
  startedAt: Schema.optionalKey(Schema.Finite),
  completedAt: Schema.optionalKey(Schema.Finite),
  state: BatchState,
  // Records that are not valid may be among them, where the sandbox lets those fail later.
  records: Schema.Array(Schema.Record(Schema.String, Schema.Json)),
  failures: Schema.Array(
    Schema.Struct({
      index: natural,
      customerId: Schema.optionalKey(Schema.String),
      errors: Schema.Array(Schema.String)
    })
  )
})
const Line = Schema.Union([
  Schema.Struct({
    vendor: Schema.Literal("reach"),
    tenant: Schema.String,
    // With the fields of its own that the sandbox was told of, then.
    customer: Schema.StructWithRest(
      Schema.Struct({
        ...ReachSchema.CustomerPatch.fields,
        createdAt: Schema.optionalKey(Schema.toEncoded(OwnFields.DateTime))
      }),
      [Schema.Record(Schema.String, Schema.Json)]
    )
  }),
  Schema.Struct({
    vendor: Schema.Literal("pocketflows"),
    business: Schema.String,
    customer: PocketflowsSchema.Customer
  }),
  Schema.Struct({ batch: StoredBatch })
])

const decodeHeader = Schema.decodeUnknownResult(Schema.fromJsonString(Header))
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

/**
 * Fills an empty sandbox from the file. False where there is no file. Batches that had not completed wait anew.
 *
 * @category decoding
 * @since 0.1.0
 */
export const load = Effect.fn("StateFile.load")(function* (
  path: string
): Effect.fn.Return<boolean, StateUnreadable, FileSystem.FileSystem | Sandbox> {
  const fs = yield* FileSystem.FileSystem
  const sandbox = yield* Sandbox
  const unreadable = (reason: string, line?: number) => new StateUnreadable({ path, line, reason })
  const there = yield* Effect.mapError(fs.exists(path), (error) => unreadable(PlatformReason.of(error)))
  if (!there) return false

  const reach = new Map<string, Array<StoredCustomer>>()
  const pocketflows = new Map<string, Array<PocketflowsSchema.Customer>>()
  const batches: Array<Batch> = []
  let expected: number | undefined
  let number = 0
  const take = (text: string): Result.Result<void, StateUnreadable> => {
    number++
    if (expected === undefined) {
      const header = decodeHeader(text)
      if (Result.isFailure(header)) return Result.fail(unreadable("it is no state of this version's sandbox", number))
      expected = header.success.lines
      return Result.void
    }
    const line = decodeLine(text)
    if (Result.isFailure(line)) {
      return Result.fail(unreadable(InputIssue.format(InputIssue.fromSchemaIssue(line.failure.issue)), number))
    }
    const entry = line.success
    if ("batch" in entry) batches.push(toBatch(entry.batch))
    else if (entry.vendor === "reach") push(reach, entry.tenant, entry.customer)
    else push(pocketflows, entry.business, entry.customer)
    return Result.void
  }
  yield* fs.stream(path).pipe(
    Stream.mapError((error) => unreadable(PlatformReason.of(error))),
    Stream.decodeText,
    Stream.splitLines,
    Stream.filter((text) => text !== ""),
    Stream.runForEach((text) => Effect.fromResult(take(text)))
  )
  if (expected === undefined) return yield* unreadable("it is empty")
  if (number - 1 !== expected) return yield* unreadable(`it has ${number - 1} of ${expected} lines`)

  for (const [tenant, customers] of reach) yield* sandbox.seedReach(tenant, customers)
  for (const [business, customers] of pocketflows) yield* sandbox.seedPocketflows(business, customers)
  yield* sandbox.seedReachBatches(batches)
  return true
})

const push = <A>(map: Map<string, Array<A>>, key: string, value: A): void => {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

const toBatch = (stored: typeof StoredBatch.Type): Batch => ({
  ...stored,
  // The sandbox checked them when they came; of a bad one nobody looks at more than its id.
  records: stored.records as ReadonlyArray<unknown> as ReadonlyArray<SentPatch>,
  startedAt: stored.startedAt,
  completedAt: stored.completedAt,
  failures: stored.failures.map((failure) => ({ ...failure, customerId: failure.customerId }))
})

const linesAtOnce = 1000

/**
 * Writes what the sandbox holds. It is written beside the old file, flushed to the disk and put in its place at once;
 * only its owner may read it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const save = Effect.fn("StateFile.save")(function* (
  path: string
): Effect.fn.Return<void, StateUnwritable, FileSystem.FileSystem | Sandbox> {
  const fs = yield* FileSystem.FileSystem
  const sandbox = yield* Sandbox
  // In this order: a batch that completes in between is applied once more, and none is lost.
  const batches = yield* sandbox.batches
  const snapshot = yield* sandbox.snapshot
  const customers = [...Object.values(snapshot.reach), ...Object.values(snapshot.pocketflows)]
  const count = customers.reduce((sum, of) => sum + Object.keys(of).length, batches.length)
  const lines = function* () {
    yield JSON.stringify({ format, version, lines: count } satisfies typeof Header.Type)
    for (const [tenant, of] of Object.entries(snapshot.reach)) {
      for (const customer of Object.values(of)) yield JSON.stringify({ vendor: "reach", tenant, customer })
    }
    for (const [business, of] of Object.entries(snapshot.pocketflows)) {
      for (const customer of Object.values(of)) yield JSON.stringify({ vendor: "pocketflows", business, customer })
    }
    for (const batch of batches) yield JSON.stringify({ batch })
  }
  const temporary = `${path}.${crypto.randomUUID()}.tmp`
  const write = Effect.scoped(
    Effect.flatMap(fs.open(temporary, { flag: "wx", mode: 0o600 }), (file) =>
      Stream.fromIterable(lines()).pipe(
        Stream.rechunk(linesAtOnce),
        Stream.runForEachArray((some) => file.writeAll(new TextEncoder().encode(`${some.join("\n")}\n`))),
        Effect.andThen(file.sync)
      )
    )
  )
  yield* Effect.andThen(write, fs.rename(temporary, path)).pipe(
    Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
    Effect.andThen(Effect.scoped(Effect.flatten(FolderFlush.make(fs, FolderFlush.parentOf(path) ?? ".")))),
    Effect.mapError((error) => new StateUnwritable({ path, reason: PlatformReason.of(error) })),
    Effect.uninterruptible
  )
})
