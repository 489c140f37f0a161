/** `patchbay send`: one customer, from options or from standard input. */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import {
  Cells,
  CustomerFile,
  type InputIssue,
  type OwnFields,
  PlatformReason,
  PocketflowsClient,
  PocketflowsSchema,
  ReachClient,
  ReachSchema,
  RetryPolicy,
  SendPolicy
} from "../../index.ts"
import * as Fields from "../run/Fields.ts"
import * as Settings from "../run/Settings.ts"
import * as SyncOptions from "../run/SyncOptions.ts"
import * as Values from "../run/Values.ts"
import * as ApiFailure from "../show/ApiFailure.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"

const { baseUrl, business, envFile, field, ignoreUnknownFields, onConflict, tenant, timeout, to } = SyncOptions.flags

const schemas = {
  "reach.batch-patch": ReachSchema.CustomerPatch,
  "reach.patch": ReachSchema.CustomerPatch,
  "reach.create": ReachSchema.NewCustomer,
  "pocketflows.batch-update": PocketflowsSchema.CustomerUpdate
} as const satisfies { readonly [Name in SyncOptions.DestinationName]: Schema.Top }

// `emailOptOut` and `email_address` as `email-opt-out` and `email-address`; who it is has one name for both vendors.
const optionOf = (field: string): string =>
  field === "customerId" || field === "id"
    ? "id"
    : field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-")

/** Every field of every destination, by its option: the schemas are asked, so that no field is written down twice. */
const fields: ReadonlyMap<string, { readonly takes: number; readonly of: ReadonlySet<string> }> = (() => {
  const found = new Map<string, { takes: number; of: Set<string> }>()
  for (const [name, { ast }] of Object.entries(schemas)) {
    for (const field of Cells.fields(ast).named.values()) {
      const option = optionOf(field.name)
      const known = found.get(option) ?? { takes: field.takes, of: new Set() }
      known.of.add(name.startsWith("reach") ? "Reach" : "Pocketflows")
      found.set(option, known)
    }
  }
  return found
})()

const describe = (option: string): readonly [metavar: string, description: string] => {
  if (option === "id") return ["ID", "Who it is: customerId at Reach, id at Pocketflows"]
  const { of, takes } = fields.get(option) ?? { of: [], takes: 0 }
  const metavar = Cells.isText(takes) ? "TEXT" : Array.isArray(Cells.read(takes, "[]")) ? "JSON" : "true|false"
  return [metavar, `A field of ${[...of].join(" and ")}`]
}

const fieldFlags: { readonly [option: string]: Flag.Flag<Option.Option<string>> } = Object.fromEntries(
  [...fields.keys()].map((option) => {
    const [metavar, description] = describe(option)
    return [
      option,
      Flag.String(option).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)
    ]
  })
)

interface Options extends Settings.Settings {
  readonly to: SyncOptions.DestinationName
  readonly fields: { readonly [option: string]: Option.Option<string> }
  readonly delete: ReadonlyArray<string>
  readonly tenant: Option.Option<string>
  readonly business: Option.Option<string>
  readonly onConflict: Option.Option<"upsert" | "reject">
  readonly ignoreUnknownFields: boolean
  readonly field: ReadonlyArray<OwnFields.Declared>
  readonly retryFor: Option.Option<Duration.Duration>
  readonly timeout: Option.Option<Duration.Duration>
}

const usage = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

/** A customer as it was given, and whether by options. */
interface Input {
  readonly json: string
  readonly byOptions: boolean
  /** Which options say what would be changed by being read. */
  readonly changed: ReadonlyArray<InputIssue.InputIssue>
}

// A customer of more than this is none.
const mostInput = 1024 * 1024

const fromStandardInput = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  if (yield* stdio.stdinIsTerminal) {
    return yield* usage(
      "There is no customer to send. Give its fields as options, such as --id c-1 --phone +14155550100, or a JSON object on standard input."
    )
  }
  const text = yield* stdio.stdin.pipe(
    Stream.decodeText,
    Stream.runFoldEffect(
      () => "",
      (all, part) =>
        all.length + part.length > mostInput
          ? usage("Standard input holds more than one customer can be. To send many, use patchbay sync.")
          : Effect.succeed(all + part)
    ),
    Effect.catchTag("PlatformError", (error) => usage(`Standard input cannot be read (${PlatformReason.of(error)}).`))
  )
  if (text.trim() === "") {
    return yield* usage(
      "Standard input is empty. Give the customer as a JSON object there, or its fields as options, such as --id c-1."
    )
  }
  const value = Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
  if (!Predicate.isObject(value) || Array.isArray(value)) {
    return yield* usage(
      `Standard input must hold one customer as a JSON object${Array.isArray(value) ? ", and this is an array. To send many, use patchbay sync" : ""}.`
    )
  }
  // As it was written, on one line: a line break in JSON is as good as a space.
  return { json: text.replaceAll(/[\r\n]+/g, " "), byOptions: false, changed: [] }
})

const inputOf = (options: Options): Effect.Effect<Input, CommandFailed, Stdio.Stdio> => {
  const named = Cells.fields(schemas[options.to].ast).named
  // Where this destination has no such field, it keeps the option's name, and is refused by the schema under it.
  const fieldOf = (option: string): string => [...named.keys()].find((field) => optionOf(field) === option) ?? option
  const cells = Object.entries(options.fields).flatMap(([option, value]) =>
    Option.isSome(value) ? [[fieldOf(option), value.value] as const] : []
  )
  if (cells.length === 0 && options.delete.length === 0) return fromStandardInput
  const both = options.delete.find((option) => Option.isSome(options.fields[option] ?? Option.none()))
  if (both !== undefined) return usage(`--delete ${both} and --${both} contradict each other. Leave one of them out.`)
  const unknown = options.delete.find((option) => !fields.has(option))
  if (unknown !== undefined) {
    const names = [...fields.keys()].filter((option) => option !== "id")
    const like = Cells.nearest(unknown, names)
    return usage(
      `--delete ${unknown}: there is no such field. ${like === undefined ? `The fields are ${names.join(", ")}.` : `Did you mean ${like}?`}`
    )
  }
  return Effect.succeed({
    changed: cells.flatMap(([field, cell]) => Cells.issues(named.get(field)?.takes ?? 0, cell, field)),
    json: JSON.stringify({
      ...Object.fromEntries(
        cells.map(([field, cell]) => [field, Cells.read(named.get(field)?.takes ?? 0, cell)] as const)
      ),
      ...Object.fromEntries(options.delete.map((option) => [fieldOf(option), null] as const))
    }),
    byOptions: true
  })
}

const words = (input: Input): ApiFailure.Words => ({
  what: "the customer",
  refused: (status) =>
    status === 409
      ? "To merge into the customer who is there, leave out --on-conflict reject."
      : status === 404
        ? "Check the id, and whose customer it is. To create one at Reach, use --to reach.create."
        : "Put that right, then send it again.",
  option: ({ path }) => {
    const [field, ...inner] = path
    if (!input.byOptions || typeof field !== "string") return undefined
    return `--${optionOf(field)}${inner.length === 0 ? "" : ` (${inner.join(".")})`}`
  }
})

/** The customer, if it fits the schema; every issue if not. */
const decode = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  input: Input,
  options: Options
): Effect.Effect<S["Type"], CommandFailed> =>
  CustomerFile.ndjson(Stream.make(new TextEncoder().encode(input.json)), schema, {
    otherColumns: options.ignoreUnknownFields ? "ignore" : "refuse",
    maxRecordSize: 2 * mostInput
  }).pipe(
    Stream.runHead,
    Effect.orDie,
    Effect.flatMap((record) => {
      const valid = Option.isSome(record) && record.value._tag === "Valid" ? record.value : undefined
      if (valid !== undefined && input.changed.length === 0) return Effect.succeed(valid.patch)
      const found =
        Option.isSome(record) && record.value._tag === "Invalid"
          ? record.value.reason.issues.map(inWords(input, options.to))
          : []
      const told = new Set(input.changed.map(({ path }) => path[0]))
      const others = found.filter(({ path }) => !told.has(path[0]))
      return Effect.fail(ApiFailure.invalid([...others, ...input.changed], words(input)))
    })
  )

// The library speaks of its options, which have other names here.
const inWords =
  (input: Input, to: SyncOptions.DestinationName) =>
  ({ message, path }: InputIssue.InputIssue): InputIssue.InputIssue => ({
    path,
    message: message.startsWith("This key is no field.")
      ? input.byOptions
        ? `${to} has no such field`
        : message.replace(
            'Leave such keys out with otherColumns: "ignore"',
            "Leave it out, or say --ignore-unknown-fields"
          )
      : message
  })

/** Refuses a null that would delete an opt-out, unless that was asked for by its name. */
const checkConsent = (
  patch: ReachSchema.Consents,
  deleteConsent: ReadonlyArray<ReachSchema.ConsentField>,
  input: Input
): Effect.Effect<void, CommandFailed> => {
  const issues = ReachClient.consentIssues([patch], deleteConsent).map(({ path }) => ({
    path,
    message: `null would delete the opt-out, which may opt the person back in. If that is meant, give the customer by options, with --delete ${path.map((field) => optionOf(String(field))).join("")}`
  }))
  return issues.length === 0 ? Effect.void : Effect.fail(ApiFailure.invalid(issues, words(input)))
}

const checkOptions = ({ business, onConflict, tenant, to }: Options): Effect.Effect<void, CommandFailed> => {
  const isReach = to !== "pocketflows.batch-update"
  if (isReach && Option.isSome(business)) return usage(`--business is for pocketflows.batch-update; ${to} has none.`)
  if (!isReach && Option.isSome(tenant)) return usage(`--tenant is for Reach; ${to} has --business.`)
  if (!isReach && Option.isNone(business)) {
    return usage(`${to} needs --business ID, the business whose customer this is.`)
  }
  if (to !== "reach.create" && Option.isSome(onConflict)) {
    return usage(`--on-conflict is for reach.create; ${to} does not have it.`)
  }
  return Effect.void
}

const send = Effect.fnUntraced(function* (options: Options) {
  yield* checkOptions(options)
  const input = yield* inputOf(options)
  const isUnsafe = Option.contains(options.onConflict, "reject")
  const policy = yield* SendPolicy.make({
    vendor: options.to === "pocketflows.batch-update" ? "Pocketflows" : "Reach",
    retry: RetryPolicy.make({
      maxElapsed: Option.getOrElse(options.retryFor, () => "30 seconds"),
      attemptTimeout: Option.getOrUndefined(options.timeout)
    })
  })
  const run = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) =>
    policy.run(call, { endpoint: options.to, resend: isUnsafe ? "unsafe" : "safe" })
  const failed = Effect.mapError((error: ApiFailure.Failure) => ApiFailure.toCommandFailed(error, words(input)))
  const reach = {
    tenant: Option.getOrUndefined(options.tenant),
    ignoreUnknownFields: options.ignoreUnknownFields,
    // To delete an opt-out is asked for by its name.
    deleteConsent: (["emailOptOut", "smsOptOut"] as const).filter((field) => options.delete.includes(optionOf(field)))
  }
  switch (options.to) {
    case "reach.batch-patch": {
      const schema = yield* Fields.reach(options.field)
      const patch = yield* decode(schema.CustomerPatch, input, options)
      yield* checkConsent(patch, reach.deleteConsent, input)
      const receipt = yield* ReachClient.withSchema(schema).pipe(
        Effect.flatMap((client) => run(client.patchCustomers([patch], reach))),
        failed,
        Effect.provide(Settings.reach(options))
      )
      yield* print(receipt)
      return yield* Console.error(
        `Reach applies it later. How it went: patchbay batch ${Values.shellWord(receipt.batchId)} --wait`
      )
    }
    case "reach.patch": {
      const schema = yield* Fields.reach(options.field)
      const { customerId, ...changes } = yield* decode(schema.CustomerPatch, input, options)
      yield* checkConsent(changes, reach.deleteConsent, input)
      return yield* ReachClient.withSchema(schema).pipe(
        Effect.flatMap((client) => run(client.patchCustomer(customerId, changes, reach))),
        failed,
        Effect.provide(Settings.reach(options)),
        Effect.flatMap(print)
      )
    }
    case "reach.create": {
      const schema = yield* Fields.reach(options.field)
      const customer = yield* decode(schema.NewCustomer, input, options)
      yield* checkConsent(customer, reach.deleteConsent, input)
      const create = { ...reach, onConflict: Option.getOrUndefined(options.onConflict) }
      return yield* ReachClient.withSchema(schema).pipe(
        Effect.flatMap((client) => run(client.createCustomer(customer, create))),
        failed,
        Effect.provide(Settings.reach(options)),
        Effect.flatMap(print)
      )
    }
    case "pocketflows.batch-update": {
      const schema = yield* Fields.pocketflows(options.field)
      const update = yield* decode(schema.CustomerUpdate, input, options)
      const business = Option.getOrElse(options.business, () => "")
      return yield* PocketflowsClient.withSchema(schema).pipe(
        Effect.flatMap((client) => run(client.updateCustomers(business, [update]))),
        failed,
        Effect.provide(Settings.pocketflows(options)),
        Effect.flatMap((customers) => print({ customers }))
      )
    }
  }
})

const print = (answer: unknown): Effect.Effect<void, CommandFailed> =>
  Output.write(`${JSON.stringify(answer, null, 2)}\n`)

export const command = Command.make(
  "send",
  {
    to,
    fields: fieldFlags,
    delete: Flag.String("delete").pipe(
      Flag.withMetavar("FIELD"),
      Flag.withDescription("Delete a field that is stored, such as phone; may be given again"),
      Flag.atLeast(0)
    ),
    tenant,
    business,
    onConflict,
    ignoreUnknownFields,
    field,
    retryFor: Flag.String("retry-for").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("How long the request is tried again: 2m (default: 30s)"),
      Flag.filterMap(Values.duration, () => Values.durationForm),
      Flag.optional
    ),
    timeout,
    envFile,
    baseUrl
  },
  (options) => Effect.scoped(send(options))
).pipe(
  Command.withDescription(
    "Send one customer, given by options or as a JSON object on standard input, and print the API's answer as JSON. Standard input is read only where no field is given. Ends with 1 where the API refuses the customer, with 2 where it does not fit and was not sent, and with 3 where the credentials are wrong or the API is down."
  ),
  Command.withShortDescription("Send one customer"),
  Command.withExamples([
    {
      command: "patchbay send --to reach.patch --tenant acme --id c-1 --phone +14155550100 --email-opt-out true",
      description: "Change two fields of a customer"
    },
    {
      command: `echo '{"id":"c-1","metadata":{"plan":"gold"}}' | patchbay send --to pocketflows.batch-update --business b-1`,
      description: "From standard input"
    }
  ])
)
