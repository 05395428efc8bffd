/** Names and types of the columns of a batch, in order. */
import { equals } from '../common/tree.js'
import type { DataType } from './types.js'

export interface Field {
  readonly name: string
  readonly type: DataType
  readonly nullable: boolean
}

export interface Schema {
  readonly fields: readonly Field[]
}

export const field = (name: string, type: DataType, nullable = true): Field => ({ name, type, nullable })
export const schemaOf = (...fields: Field[]): Schema => ({ fields })

/** Equal names and types in the same order; whether columns are nullable does not count. */
export const sameSchema = (left: Schema, right: Schema): boolean =>
  left.fields.length === right.fields.length &&
  left.fields.every(({ name, type }, i) => name === right.fields[i].name && equals(type, right.fields[i].type))
