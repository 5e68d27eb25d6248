using HomeMail.Server.Imap.Structure;
using Xunit;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>Base subjects, SORT's order and THREAD's trees (RFC 5256).</summary>
public sealed class OrderTests
{
    [Theory]
    [InlineData("Re: hello", "hello", true)]
    [InlineData("RE : Fwd: [list] Re[2]: hello (fwd) ", "hello", true)]
    [InlineData("[list] hello", "hello", false)]
    [InlineData("[only]", "[only]", false)]
    [InlineData("[fwd: Re: hello]", "hello", true)]
    [InlineData("Re:", "", true)]
    [InlineData("regards", "regards", false)]
    [InlineData("", "", false)]
    public void Marks_of_replies_are_taken_off(string subject, string expected, bool isReply)
    {
        Assert.Equal(expected, BaseSubject.Of(subject, out var marked));
        Assert.Equal(isReply, marked);
    }

    [Fact]
    public void Equal_keys_are_in_the_order_of_the_mailbox_in_reverse_too()
    {
        OrderedMessage[] messages = [Message(1, "b"), Message(2, "a"), Message(3, "b"), Message(4, "A")];
        Assert.Equal("2 4 1 3", Sorted(messages, new SortCriterion(SortKey.Subject, false)));
        Assert.Equal("1 3 2 4", Sorted(messages, new SortCriterion(SortKey.Subject, true)));
        Assert.Equal("1 2 3 4", Sorted(messages, new SortCriterion(SortKey.Size, true)));
        Assert.Equal("4 2 3 1", Sorted(messages, new SortCriterion(SortKey.Subject, false), new SortCriterion(SortKey.Date, true)));
    }

    [Fact]
    public void References_make_a_tree()
    {
        Assert.Equal("(1 (2 4)(3))", Threads(
            Message(1, "x", "a"), Message(2, "Re: x", "b", "a"), Message(3, "Re: x", "c", "a"), Message(4, "Re: x", "d", "a", "b")));
    }

    [Fact]
    public void A_missing_parent_holds_its_children_together()
    {
        Assert.Equal("((1)(2))(3)", Threads(Message(1, "x", "a", "gone"), Message(2, "y", "b", "gone"), Message(3, "z", "c", "other")));
    }

    [Fact]
    public void References_in_a_circle_end()
    {
        var answer = Threads(Message(1, "x", "a", "b"), Message(2, "y", "b", "a"));
        Assert.Equal("(2 1)", answer);
    }

    [Fact]
    public void Replies_without_references_join_by_subject()
    {
        Assert.Equal("(1 2)(3)", Threads(Message(1, "x", "a"), Message(2, "Re: x", "b"), Message(3, "other", "c")));
    }

    [Fact]
    public void The_same_id_twice_is_two_messages()
    {
        Assert.Equal("((1)(2))", Threads(Message(1, "x", "a"), Message(2, "x", "a")));
    }

    [Fact]
    public void Ordered_subject_puts_all_under_the_first()
    {
        OrderedMessage[] messages = [Message(1, "x"), Message(2, "y"), Message(3, "Re: x"), Message(4, "Re: x")];
        Assert.Equal("(1 (3)(4))(2)", Threads(false, messages));
    }

    [Fact]
    public void A_long_chain_needs_no_deep_stack()
    {
        var messages = Enumerable.Range(1, 20_000).Select(i => i == 1 ? Message(1, "x", "m1") : Message((uint)i, "x", $"m{i}", $"m{i - 1}")).ToArray();
        Assert.StartsWith("(1 2 3 4 ", Threads(messages));
    }

    [Fact]
    public void Long_texts_and_many_of_them_are_in_order()
    {
        var random = new Random(5);
        var subjects = Enumerable.Range(1, 5000).Select(i => new string((char)('a' + random.Next(26)), random.Next(600)) + (i % 7 == 0 ? "\U0001F600" : "é")).ToArray();
        OrderedMessage[] messages = [.. subjects.Select((s, i) => Message((uint)i + 1, s))];
        var order = new MessageOrder([new(SortKey.Subject, false)], messages.Length);
        Array.ForEach(messages, m => order.Add(m));
        var texts = order.Sorted().Select(id => subjects[id - 1]).Select(s => s.Length > 500 ? s[..500] : s).ToArray();
        for (var i = 1; i < texts.Length; i++)
            Assert.True(string.Compare(texts[i - 1], texts[i], StringComparison.OrdinalIgnoreCase) <= 0, $"{texts[i - 1]} before {texts[i]}");
    }

    private static string Threads(params OrderedMessage[] messages) => Threads(true, messages);

    private static string Threads(bool isReferences, OrderedMessage[] messages)
    {
        var threading = new Threading(isReferences, messages.Length);
        Array.ForEach(messages, m => threading.Add(m));
        return GoldenStructureTests.Written(threading.Write);
    }

    private static string Sorted(OrderedMessage[] messages, params SortCriterion[] criteria)
    {
        var order = new MessageOrder(criteria, messages.Length);
        Array.ForEach(messages, m => order.Add(m));
        return string.Join(' ', order.Sorted());
    }

    private static OrderedMessage Message(uint id, string subject, string messageId = "", params string[] references)
    {
        var text = BaseSubject.Of(subject, out var isReply);
        var date = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(id);
        return new(id, id, new(date, text, isReply, "", "", "", "", "", messageId, references), date, 1);
    }
}
