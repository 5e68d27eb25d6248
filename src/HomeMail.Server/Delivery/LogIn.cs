namespace HomeMail.Server.Delivery;

/// <summary>The name and password for a smarthost. They never reach a log.</summary>
/// <param name="UserName">The user name.</param>
/// <param name="Password">The password.</param>
public sealed record LogIn(string UserName, string Password)
{
    /// <summary>Without the password.</summary>
    public override string ToString() => UserName;
}
