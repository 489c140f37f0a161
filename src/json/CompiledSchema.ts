/** Schemas that every record of a sync may pass through. */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

/**
 * The same schema, compiled when it is first used: in both directions, with what it depends on, and no other schema of the
 * app. Where code may not be made of text (`new Function` is blocked), it is interpreted as before.
 */
export const make = <S extends Schema.Top>(schema: S): S => {
  SchemaJITCompiler.enable(schema.ast)
  SchemaJITCompiler.enable(Schema.flip(schema).ast)
  SchemaJITCompiler.enable(Schema.toType(schema).ast)
  return schema
}
