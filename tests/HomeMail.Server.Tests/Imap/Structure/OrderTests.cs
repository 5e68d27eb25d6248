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
        Assert.Equal("2 4 1 3", Ids(messages.Order(new MessageOrder([new(SortKey.Subject, false)]))));
        Assert.Equal("1 3 2 4", Ids(messages.Order(new MessageOrder([new(SortKey.Subject, true)]))));
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
        Assert.Equal("(1 (3)(4))(2)", GoldenStructureTests.Written(o => ThreadNode.Write(o, Threading.OrderedSubject(messages))));
    }

    [Fact]
    public void A_long_chain_needs_no_deep_stack()
    {
        var messages = Enumerable.Range(1, 20_000).Select(i => i == 1 ? Message(1, "x", "m1") : Message((uint)i, "x", $"m{i}", $"m{i - 1}")).ToArray();
        Assert.StartsWith("(1 2 3 4 ", Threads(messages));
    }

    private static string Threads(params OrderedMessage[] messages) => GoldenStructureTests.Written(o => ThreadNode.Write(o, Threading.References(messages)));

    private static string Ids(IEnumerable<OrderedMessage> messages) => string.Join(' ', messages.Select(m => m.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    private static OrderedMessage Message(uint id, string subject, string messageId = "", params string[] references)
    {
        var text = BaseSubject.Of(subject, out var isReply);
        var date = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(id);
        return new(id, id, new(date, text, isReply, "", "", "", "", "", messageId, references), date, 1);
    }
}
