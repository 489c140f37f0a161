/**
 * Where records go. Each destination has options of its own: each is made here with those that are lawful for it, and
 * what is not is refused with the destinations that take it.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SyncWorkflow } from "../../cluster/index.ts"
import {
  type ApiError,
  BatchPolicy,
  Checkpoint,
  ConcurrencyPolicy,
  CustomerSync,
  DeadLetters,
  type Destination,
  Plan,
  type PocketflowsClient,
  PocketflowsDestination,
  RateLimitPolicy,
  type ReachClient,
  ReachDestination,
  RetryPolicy,
  SettlePolicy,
  type SyncReport
} from "../../index.ts"
import * as NodeMemory from "../../node/NodeMemory.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Wording from "../show/Wording.ts"
import * as Fields from "./Fields.ts"
import type * as Reading from "./Reading.ts"
import * as Settings from "./Settings.ts"
import type { DestinationName, SyncOptions } from "./SyncOptions.ts"

/** What watches a run. */
export type Watch = Required<
  Pick<CustomerSync.Options<unknown, Destination.Behaviour, ApiError.ApiError, never>, "onProgress" | "onReport">
>

/** A destination with its options, ready to go. */
export interface Target {
  readonly sync: <E, R>(
    source: Reading.Source<E, R>,
    watch: Watch
  ) => Effect.Effect<
    SyncReport.SyncReport,
    CommandFailed | CustomerSync.SyncStopped<E | CustomerSync.StopReason>,
    R | FileSystem.FileSystem
  >
  /** Delivers one part of a run that workers share. */
  readonly deliver: <E, R>(
    source: Reading.Source<E, R>,
    part: Pick<SyncWorkflow.Part, "run">
  ) => Effect.Effect<
    SyncReport.SyncReport,
    CommandFailed | SyncWorkflow.SyncFailed,
    Exclude<R, Scope.Scope> | FileSystem.FileSystem | SqlClient.SqlClient
  >
  readonly plan: <E, R>(
    source: Reading.Source<E, R>
  ) => Effect.Effect<Plan.Plan, E | CommandFailed, R | FileSystem.FileSystem>
}

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

// What may be said for which destination. The words are checked against the destination's type where it is made.
const lawful = {
  "reach.batch-patch": {
    tenant: true,
    business: false,
    onConflict: false,
    settleFor: true,
    deleteConsent: true,
    sameKey: ["merge", "keep", "split"],
    isolate: ["halve", "none"],
    settle: ["accepted", "applied"]
  },
  "reach.patch": {
    tenant: true,
    business: false,
    onConflict: false,
    settleFor: false,
    deleteConsent: true,
    sameKey: ["merge", "split"],
    isolate: [],
    settle: []
  },
  "reach.create": {
    tenant: true,
    business: false,
    onConflict: true,
    settleFor: false,
    deleteConsent: true,
    sameKey: ["merge", "split"],
    isolate: [],
    settle: []
  },
  "pocketflows.batch-update": {
    tenant: false,
    business: true,
    onConflict: false,
    settleFor: false,
    deleteConsent: false,
    sameKey: ["merge", "split"],
    isolate: ["halve", "none"],
    settle: []
  }
} as const satisfies {
  readonly [Name in DestinationName]: {
    readonly tenant: boolean
    readonly business: boolean
    readonly onConflict: boolean
    readonly settleFor: boolean
    readonly deleteConsent: boolean
    readonly sameKey: ReadonlyArray<"merge" | "keep" | "split">
    readonly isolate: ReadonlyArray<"halve" | "none">
    readonly settle: ReadonlyArray<"accepted" | "applied">
  }
}

const listed = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`

const namesWhere = (allows: (name: DestinationName) => boolean): string =>
  listed((Object.keys(lawful) as ReadonlyArray<DestinationName>).filter(allows))

const word = <const Allowed extends ReadonlyArray<string>>(
  to: DestinationName,
  option: string,
  given: Option.Option<string>,
  allowed: Allowed,
  allowedFor: (name: DestinationName) => ReadonlyArray<string>
): Effect.Effect<Allowed[number] | undefined, CommandFailed> => {
  if (Option.isNone(given)) return Effect.succeed(undefined)
  const found = allowed.find((word) => word === given.value)
  if (found !== undefined) return Effect.succeed(found)
  const here = allowed.length === 0 ? "does not have it" : `takes ${listed(allowed)}`
  return refuse(
    `${option} ${given.value} is for ${namesWhere((name) => allowedFor(name).includes(given.value))}; ${to} ${here}.`
  )
}

const presence = (options: SyncOptions): Effect.Effect<void, CommandFailed> => {
  const { to } = options
  for (const [key, option, isGiven] of [
    ["tenant", "--tenant", Option.isSome(options.tenant)],
    ["business", "--business", Option.isSome(options.business)],
    ["onConflict", "--on-conflict", Option.isSome(options.onConflict)],
    ["settleFor", "--settle-for", Option.isSome(options.settleFor)],
    ["deleteConsent", "--delete-consent", options.deleteConsent.length > 0]
  ] as const) {
    if (isGiven && !lawful[to][key]) {
      return refuse(`${option} is for ${namesWhere((name) => lawful[name][key])}; ${to} does not have it.`)
    }
  }
  return Effect.void
}

type Common = Pick<
  CustomerSync.Options<unknown, Destination.Behaviour, ApiError.ApiError, never, never, Files, Files>,
  | "batch"
  | "checkpoint"
  | "concurrency"
  | "deadLetters"
  | "limit"
  | "onProgress"
  | "onReport"
  | "rateLimit"
  | "retry"
  | "total"
>

/** What is the same for all destinations. */
const common = (options: SyncOptions): Common => ({
  batch: BatchPolicy.make({
    maxRecords: Option.getOrUndefined(options.batchRecords),
    maxBytes: Option.getOrUndefined(options.batchBytes)
  }),
  retry: RetryPolicy.make({
    maxElapsed: Option.getOrUndefined(options.retryFor),
    attemptTimeout: Option.getOrUndefined(options.timeout)
  }),
  rateLimit: Option.getOrUndefined(Option.map(options.rateLimit, RateLimitPolicy.make)),
  concurrency: Option.getOrUndefined(
    Option.map(options.concurrency, (concurrency) =>
      concurrency === "adaptive" ? ConcurrencyPolicy.adaptive() : concurrency
    )
  ),
  limit: Option.getOrUndefined(options.limit),
  checkpoint: Option.getOrUndefined(
    Option.map(options.checkpoint, (dir) =>
      options.fresh ? Checkpoint.fresh(Checkpoint.file(dir)) : Checkpoint.file(dir)
    )
  ),
  deadLetters: Option.getOrUndefined(
    Option.map(options.deadLetters, (file) => Wording.inLetters(DeadLetters.file(file)))
  )
})

type Files = FileSystem.FileSystem
type Sync<A, B extends Destination.Behaviour, C> = (
  common: Common
) => CustomerSync.Options<A, B, ApiError.ApiError, C, never, Files, Files>
type Stopped<E> = CommandFailed | CustomerSync.SyncStopped<E | CustomerSync.StopReason>

/** Gives a sync its client. It knows the client as a type of its own, so that what is left to provide can be said. */
type Over<C> = <E, R>(
  effect: Effect.Effect<SyncReport.SyncReport, E, C | R>
) => Effect.Effect<SyncReport.SyncReport, E | CommandFailed, R | Files>

const target = <A, B extends Destination.Behaviour, C>(
  options: SyncOptions,
  schema: Reading.RecordSchema<A>,
  provide: Over<C>,
  sync: Sync<A, B, C>
): Target => ({
  sync: <E, R>(
    source: Reading.Source<E, R>,
    watch: Watch
  ): Effect.Effect<SyncReport.SyncReport, Stopped<E>, R | Files> =>
    Effect.flatMap(source.open(schema), ({ records, total }) =>
      provide<CustomerSync.SyncStopped<E | CustomerSync.StopReason>, R | Files>(
        // When all is loaded, the client too.
        Effect.provide(CustomerSync.run(sync({ ...common(options), ...watch, total }))(records), NodeMemory.layer)
      )
    ),
  deliver: <E, R>(
    source: Reading.Source<E, R>,
    part: Pick<SyncWorkflow.Part, "run">
  ): Effect.Effect<
    SyncReport.SyncReport,
    CommandFailed | SyncWorkflow.SyncFailed,
    Exclude<R, Scope.Scope> | Files | SqlClient.SqlClient
  > => {
    // What is one process's own: a part has a checkpoint and letters in the database, and is watched there.
    const { checkpoint, deadLetters, limit, onProgress, onReport, total, ...shared } = sync(common(options))
    return Effect.flatMap(source.open(schema), ({ records }) =>
      provide<SyncWorkflow.SyncFailed, Exclude<R, Scope.Scope> | Files | SqlClient.SqlClient>(
        Effect.provide(part.run(shared)(records), NodeMemory.layer)
      )
    )
  },
  plan: (source) => Effect.flatMap(source.open(schema), ({ records }) => Plan.make(sync(common(options)))(records))
})

const checkFresh = ({ checkpoint, fresh }: SyncOptions): Effect.Effect<void, CommandFailed> =>
  fresh && Option.isNone(checkpoint)
    ? refuse("--fresh is for --checkpoint DIR; without one, every run starts anew. Leave it out, or add that.")
    : Effect.void

const checkSize = (options: SyncOptions, most: number): Effect.Effect<void, CommandFailed> => {
  const asked = Option.getOrElse(options.batchRecords, () => 0)
  return asked <= most
    ? Effect.void
    : refuse(
        `--batch-records ${asked} is more than ${options.to} takes in one request, which is ${most}. Leave it out, or ask for fewer.`
      )
}

/** The destination that the options name. Fails where one of them is not lawful for it, or is missing. */
export const make = Effect.fnUntraced(function* (options: SyncOptions): Effect.fn.Return<Target, CommandFailed> {
  const { ignoreUnknownFields, to } = options
  yield* presence(options)
  yield* checkFresh(options)
  const reachOptions = {
    tenant: Option.getOrUndefined(options.tenant),
    ignoreUnknownFields,
    deleteConsent: options.deleteConsent
  }
  const overReach: Over<ReachClient.ReachClient> = (effect) => Effect.provide(effect, Settings.reach(options))
  const overPocketflows: Over<PocketflowsClient.PocketflowsClient> = (effect) =>
    Effect.provide(effect, Settings.pocketflows(options))
  const isolate = <const Allowed extends ReadonlyArray<string>>(allowed: Allowed) =>
    word(to, "--isolate", options.isolate, allowed, (name) => lawful[name].isolate)
  const settle = <const Allowed extends ReadonlyArray<string>>(allowed: Allowed) =>
    word(to, "--settle", options.settle, allowed, (name) => lawful[name].settle)
  const sameKey = <const Allowed extends ReadonlyArray<string>>(allowed: Allowed) =>
    word(to, "--same-key", options.sameKey, allowed, (name) => lawful[name].sameKey)

  switch (to) {
    case "reach.batch-patch": {
      const schema = yield* Fields.reach(options.field)
      const reach = { ...reachOptions, schema }
      const words = {
        sameKey: yield* sameKey(lawful[to].sameKey),
        isolate: yield* isolate(lawful[to].isolate),
        settle: yield* settle(lawful[to].settle)
      }
      if (words.settle === "accepted" && Option.isSome(options.settleFor)) {
        return yield* refuse(
          "--settle-for is not for --settle accepted, where nothing is waited for. Leave one of them out."
        )
      }
      const destination = ReachDestination.batchPatch(reach)
      yield* checkSize(options, destination.maxRecords)
      return target(options, schema.CustomerPatch, overReach, (common) => ({
        ...common,
        ...words,
        settle:
          words.settle === "accepted"
            ? words.settle
            : SettlePolicy.make({ deadline: Option.getOrUndefined(options.settleFor) }),
        to: destination
      }))
    }
    case "reach.patch": {
      const schema = yield* Fields.reach(options.field)
      const reach = { ...reachOptions, schema }
      yield* isolate(lawful[to].isolate)
      yield* settle(lawful[to].settle)
      const words = { sameKey: yield* sameKey(lawful[to].sameKey) }
      const destination = ReachDestination.patch(reach)
      yield* checkSize(options, destination.maxRecords)
      return target(options, schema.CustomerPatch, overReach, (common) => ({
        ...common,
        ...words,
        to: destination
      }))
    }
    case "reach.create": {
      const schema = yield* Fields.reach(options.field)
      const reach = { ...reachOptions, schema }
      yield* isolate(lawful[to].isolate)
      yield* settle(lawful[to].settle)
      const words = { sameKey: yield* sameKey(lawful[to].sameKey) }
      yield* checkSize(options, 1)
      if (Option.contains(options.onConflict, "reject")) {
        if (words.sameKey === "merge") {
          return yield* refuse(
            "--same-key merge is not for --on-conflict reject, where a second record of a customer is refused. Leave one of them out."
          )
        }
        const insert = { ...words, sameKey: words.sameKey }
        const destination = ReachDestination.create({ ...reach, onConflict: "reject" })
        return target(options, schema.NewCustomer, overReach, (common) => ({
          ...common,
          ...insert,
          to: destination
        }))
      }
      const destination = ReachDestination.create({ ...reach, onConflict: "upsert" })
      return target(options, schema.NewCustomer, overReach, (common) => ({ ...common, ...words, to: destination }))
    }
    case "pocketflows.batch-update": {
      yield* settle(lawful[to].settle)
      const words = {
        sameKey: yield* sameKey(lawful[to].sameKey),
        isolate: yield* isolate(lawful[to].isolate)
      }
      if (Option.isNone(options.business)) {
        return yield* refuse(`${to} needs --business ID, the business whose customers these are.`)
      }
      const schema = yield* Fields.pocketflows(options.field)
      const destination = PocketflowsDestination.batchUpdate({
        schema,
        business: options.business.value,
        maxRecords: Option.getOrUndefined(options.batchRecords)
      })
      return target(options, schema.CustomerUpdate, overPocketflows, (common) => ({
        ...common,
        ...words,
        to: destination
      }))
    }
  }
})
