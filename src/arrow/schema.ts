/** Names and types of the columns of a batch, in order. */
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
