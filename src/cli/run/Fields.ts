/** Fields of one's own, as they are said with `--field`. */
import * as Effect from "effect/Effect"
import { OwnFields, PocketflowsSchema, ReachSchema } from "../../index.ts"
import { CommandFailed } from "../show/ExitCode.ts"

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

type Declared = ReadonlyArray<OwnFields.Declared>

/** Fails where a name is that of another field. */
const check = (declared: Declared, taken: ReadonlyArray<string>): Effect.Effect<void, CommandFailed> => {
  for (const [index, { name }] of declared.entries()) {
    const problem = OwnFields.problemOf(name, taken)
    if (problem !== undefined) return refuse(`--field ${name}: this ${problem}.`)
    if (declared.findIndex((other) => other.name === name) < index) {
      return refuse(`--field ${name} is given more than once. Leave the others out.`)
    }
  }
  return Effect.void
}

const schemas = (declared: Declared): OwnFields.OwnFields =>
  Object.fromEntries(declared.map(({ kind, name }) => [name, OwnFields.schemaOf(kind)]))

// What the fields of Reach's default schema are; of these, it can be said again whether a customer must have them.
const defaults = {
  firstName: "string",
  lastName: "string",
  createdAt: "date-time",
  email: "string",
  phone: "string",
  emailOptOut: "boolean",
  smsOptOut: "boolean",
  customerDetailUrl: "string"
} as const satisfies { readonly [Name in keyof ReachSchema.DefaultFields]: OwnFields.Kind }

const defaultKind = (name: string): OwnFields.Kind | undefined =>
  Object.entries(defaults).find(([known]) => known === name)?.[1]

/** The fields that are not of the default schema, and the names of all that no customer is without. */
const ofReach = Effect.fnUntraced(function* (
  declared: Declared
): Effect.fn.Return<{ readonly own: Declared; readonly required: ReadonlyArray<string> }, CommandFailed> {
  yield* check(declared, ["customerId"])
  const other = declared.find(({ kind, name }) => (defaultKind(name) ?? kind) !== kind)
  if (other !== undefined) {
    const { name } = other
    return yield* refuse(
      `--field ${name}: Reach's default schema has this field, as ${defaultKind(name)}. Write --field ${name}:${defaultKind(name)}, with a ! where no customer is without it, or leave it out.`
    )
  }
  const said = new Set(declared.map(({ name }) => name))
  return {
    own: declared.filter(({ name }) => defaultKind(name) === undefined),
    required: [
      ...ReachSchema.standard.required.filter((name) => !said.has(name)),
      ...declared.filter(({ required }) => required).map(({ name }) => name)
    ]
  }
})

/** Reach's customers with these fields. */
export const reach = (declared: Declared): Effect.Effect<ReachSchema.AnyCustomerSchema, CommandFailed> =>
  Effect.map(ofReach(declared), ({ own, required }) => ReachSchema.extend(schemas(own), { required }))

/** What the sandbox is told of them. */
export const sandbox = (declared: Declared) =>
  Effect.map(ofReach(declared), ({ own, required }) => ({
    fields: Object.fromEntries(own.map(({ kind, name }) => [name, kind])),
    required
  }))

const metadata = "metadata."

/** Pocketflows' customers with these keys in their metadata; any other key is text, where nothing is declared. */
export const pocketflows = Effect.fnUntraced(function* (
  declared: Declared
): Effect.fn.Return<PocketflowsSchema.AnyCustomerSchema, CommandFailed> {
  if (declared.length === 0) return PocketflowsSchema.standard
  for (const { name, required } of declared) {
    if (!name.startsWith(metadata)) {
      return yield* refuse(
        `--field ${name}: at Pocketflows, fields of your own are keys of metadata. Write --field ${metadata}${name}:….`
      )
    }
    if (required) {
      return yield* refuse(`--field ${name}: no key of metadata is required at Pocketflows. Leave the ! out.`)
    }
  }
  const keys = declared.map((field) => ({ ...field, name: field.name.slice(metadata.length) }))
  yield* Effect.mapError(
    check(keys, []),
    ({ exit, message }) => new CommandFailed({ exit, message: message.replace("--field ", `--field ${metadata}`) })
  )
  return PocketflowsSchema.extend({ metadata: schemas(keys) })
})
