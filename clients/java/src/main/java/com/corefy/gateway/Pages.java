package com.corefy.gateway;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The entries of a list, page after page. A page is asked for when the one before it is used up,
 * and is all that is kept. Each iterator and each stream begins anew; one thread uses it.
 *
 * <p>Iterators and streams throw {@link GatewayException}.
 */
public final class Pages<T> implements Iterable<T> {
  private static final String FIRST = "";

  private final Function<String, Page<T>> page;

  /**
   * @param page asks for the page of a token; that of the first one is empty
   */
  Pages(Function<String, Page<T>> page) {
    this.page = page;
  }

  @Override
  public Iterator<T> iterator() {
    return new Entries();
  }

  /** The entries as a stream, which asks for no more pages than it needs. */
  public Stream<T> stream() {
    return StreamSupport.stream(spliterator(), false);
  }

  /** One page: its entries, and the token of the next one, empty after the last. */
  static final class Page<T> {
    private final Iterator<T> entries;
    private final String next;

    Page(List<T> entries, String next) {
      this.entries = entries.iterator();
      this.next = next;
    }
  }

  private final class Entries implements Iterator<T> {
    private Page<T> current = new Page<>(List.of(), FIRST);
    private boolean hasBegun;

    @Override
    public boolean hasNext() {
      while (!current.entries.hasNext() && !(hasBegun && current.next.isEmpty())) {
        current = page.apply(current.next);
        hasBegun = true;
      }
      return current.entries.hasNext();
    }

    @Override
    public T next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the list has no more entries");
      }
      return current.entries.next();
    }
  }
}
