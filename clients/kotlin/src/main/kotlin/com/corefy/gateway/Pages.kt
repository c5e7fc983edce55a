package com.corefy.gateway

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * The entries of a list: [page] asks for the page of a token, that of the first one is empty, and gives its entries and the
 * token of the next one, which is empty after the last.
 */
internal fun <T> pages(page: suspend (token: String) -> Pair<List<T>, String>): Flow<T> = flow {
  var token = ""
  do {
    val (entries, next) = page(token)
    entries.forEach { emit(it) }
    token = next
  } while (token.isNotEmpty())
}
