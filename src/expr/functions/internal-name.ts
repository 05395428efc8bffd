/** How plans name the functions of users. */
import { createHash } from 'node:crypto'
import type { UserFunction } from './user-function.js'

/** In plans a call names the function so: no other function of any session has this name. SQL cannot write it. */
export const internalName = (declared: UserFunction): string =>
  qualifiedName(declared.name, createHash('sha256').update(JSON.stringify(declared)).digest('hex').slice(0, 16))

/** Of anything that extensions bring: `id` makes it unique. */
export const qualifiedName = (name: string, id: string): string => `${name.toLowerCase()}${SEPARATOR}${id}`

/** What people read. */
export const displayedName = (name: string): string => name.split(SEPARATOR, 1)[0]

export const isUserName = (name: string): boolean => name.includes(SEPARATOR)

const SEPARATOR = '@'
